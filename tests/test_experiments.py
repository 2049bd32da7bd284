"""Every experiment still finds what its docstring says, with smaller settings."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

EXPERIMENTS = sorted((Path(__file__).parent.parent / "experiments").glob("*.py"))


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS[0].with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_a_docstring_names_the_command_the_time_and_a_number(path):
    text = path.read_text().split('"""')[1]
    assert f"    python experiments/{path.name}\n" in text
    rest = text.split(path.name)[1]
    assert re.search(r"(second|minute|min)s?\b[\w ]* on (two cores|an H100)", rest)
    assert re.search(r"-?\d+\.?\d* nats|\b\d+\.\d+\b", rest)


@pytest.mark.long
def test_a_users_own_step_maps_over_members_in_one_program():
    found = loaded("training_script").main(num_steps=100)
    assert found.num_compilations == 1
    assert found.after > found.before + 300
    np.testing.assert_allclose(found.mapped, found.solo, atol=0.001)
    assert len(np.unique(found.mapped.round(2))) == found.mapped.size  # members do differ


@pytest.mark.long
def test_failures_made_on_purpose_are_named():
    found = {title: {one.name for one in said.findings} for title, said in loaded("doctor").main().diagnoses.items()}
    well, collapsed, memorised, warming = found.values()
    assert well == set()
    assert "posterior collapse" in collapsed
    assert "memorisation" in memorised
    assert "a warm-up that never ended" in warming


@pytest.mark.long
def test_a_linear_vae_reaches_the_maximum_of_probabilistic_pca():
    found = loaded("linear_vae").main(latent_size=2, num_steps=5000, num_samples=128)
    assert found.maximum == pytest.approx(found.scikit_learn, abs=1e-4)
    assert found.maximum - 0.01 < found.exact < found.maximum + 1e-4
    assert found.estimated == pytest.approx(found.exact, abs=0.01)
    assert found.bound == pytest.approx(found.exact, abs=0.02)


@pytest.mark.long
def test_the_grid_is_one_program_and_its_chosen_member_generates():
    found = loaded("beta_by_latent_size").main(epochs=30, num_samples=16)
    assert found.num_compilations == 1
    assert found.bounds.shape == (4, 5)
    assert (found.bounds[1, 1:] > found.bounds[1, 0] + 5).all()  # two latents are too few
    assert found.answer.latent_size in (8, 16, 32)
    assert found.images.shape == (8, 8, 8)
    assert 0.1 < found.images.std(axis=0).mean() + found.images.mean() < 1


@pytest.mark.long
def test_a_masked_member_trains_to_the_numbers_of_a_compact_one():
    found = loaded("mask_cost").main(num_epochs=2, num_rounds=2)
    assert np.isfinite(found.masked_to_compact).all()
    assert np.isfinite(found.loop_to_mapped).all()
    np.testing.assert_allclose(*found.widest, atol=0.001)
    np.testing.assert_allclose(*found.mapped, atol=0.001)


@pytest.mark.long
def test_precision_and_memory_cost_next_to_nothing_in_the_bound():
    found = loaded("precision").main(epochs=20, num_seeds=2)
    np.testing.assert_array_less(np.abs(found.bfloat16 - found.reference), 2.0)
    assert np.abs(found.bfloat16 - found.reference).max() > 0
    np.testing.assert_allclose(found.rematerialised, found.reference, atol=0.001)
    np.testing.assert_allclose(found.microbatches, found.reference, atol=0.001)


@pytest.mark.long
def test_convolutions_as_matrix_products_train_to_the_bound_of_those_of_xla():
    found = loaded("conv_lowering").main(num_steps=2, num_rounds=1)
    assert all(times.min() > 0 for times in found.milliseconds.values())
    np.testing.assert_allclose(found.bounds["ours"], found.bounds["XLA's convolutions"], rtol=1e-5)
    np.testing.assert_allclose(found.bounds["ours, 4 members by lax.map"][0], found.bounds["ours"], rtol=1e-5)
    np.testing.assert_allclose(found.bounds["ours, 4 members by vmap"][0], found.bounds["ours"], rtol=1e-5)


@pytest.mark.long
def test_measures_of_codes_are_those_of_loops_over_scikit_learn():
    for found in loaded("metrics_speed").main(num=2000, num_latents=4, num_rounds=3).values():
        assert found.difference < 1e-6
        assert found.ours == pytest.approx(found.theirs, abs=1e-6)
        assert found.ours > 0.01
        assert found.ratio > 5


@pytest.mark.long
def test_between_digits_the_line_is_shortest_in_z_and_the_geodesic_in_x():
    found = loaded("digits_interpolation").main(epochs=60, num_pairs=8, num_seeds=2)
    in_z, in_x = ({name: values[of].mean() for name, values in found.items()} for of in ("length in z", "length in x"))
    assert min(in_z, key=in_z.get) == "linear"
    assert min(in_x, key=in_x.get) == "geodesic"
    assert (found["geodesic"]["length in x"] < found["linear"]["length in x"] + 0.01).all()
    assert all(0.2 < values["confidence"].mean() < 1 for values in found.values())


@pytest.mark.long
def test_a_vae_removes_noise_and_one_that_was_taught_to_removes_more():
    found = loaded("fashion_mnist_denoising").main(epochs=8, num_train=4000, num_test=12, num_seeds=2)
    psnr = {at: values[..., 0].mean() for at, values in found.items()}
    for kind, strength in (("gaussian", 0.5), ("salt and pepper", 0.5)):
        of = {method: value for (name, at, method), value in psnr.items() if (name, at) == (kind, strength)}
        assert of["VAE trained to denoise"] > max(of["noisy"], of["VAE, reconstruction"]) + 0.2
        assert of["VAE, noise known, best z"] > of["noisy"] + 1

"""Portraits of members are what the library decodes, and what the page carries of them is what they were."""

from __future__ import annotations

import base64
import io
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr
from PIL import Image

import vaejax as vj
from vaejax import report
from vaejax.report import Portrait, Shown, Traversed, drawn
from vaejax.report._order import ranked
from vaejax.report._plane import plane_of
from vaejax.report._sprites import Look, look_of, strip
from vaejax.report.live._types import Live

KEY = jax.random.key(0)
X = np.random.default_rng(0).random((30, 4, 4), np.float32)


def trained(model, key=1):
    """A model with parameters that no training has seen, and that say more of x than the first ones do."""
    params = vj.init(jax.random.key(key), model, X[:2].reshape(2, *model.data_shape))
    return model, jax.tree.map(lambda leaf: leaf * 2.0, params)


def mlp(latent_size=3, **more):
    return vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4, 4), latent_size=latent_size, **more)


@pytest.fixture(scope="module")
def grid():
    """Six members of two sizes and three betas in one program, the last of which diverged."""

    def member(latent_size, beta):
        model = mlp(latent_size, max_latent_size=5, likelihood=vj.likelihoods.normal())
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(3e-2))

    result = vj.sweep(member, X, latent_size=[2, 5], beta=[0.1, 0.5, 1.0], epochs=2, num_samples=4)
    status = result.dataset["status"].copy()
    status.values.reshape(-1)[-1] = "diverged"
    return result._replace(dataset=result.dataset.assign(status=status))


@pytest.fixture(scope="module")
def portraits(grid):
    return report.portraits(KEY, grid, X)


class TestOne:
    def test_reconstructions_samples_and_ends_are_what_the_library_decodes(self):
        model, params = trained(mlp())
        found = report.portrait_of(KEY, model, params, X)
        rebuilt = jax.vmap(lambda x: vj.reconstruct(model, params, x))(X[:12])
        np.testing.assert_allclose(found.reconstructions, rebuilt, atol=1e-6)
        np.testing.assert_allclose(found.start, vj.encode(model, params, X[0]), atol=1e-6)
        assert found.samples.shape == (32, 4, 4)
        between = vj.latent.interpolate(model, params, X[0], X[1])
        np.testing.assert_allclose(found.interpolation, between, atol=1e-5)

    def test_a_traversal_is_the_decoded_code_with_one_latent_at_each_value(self):
        model, params = trained(mlp())
        found = report.portrait_of(KEY, model, params, X)
        assert len(found.traversals) == 3
        for row in found.traversals:
            codes = jnp.tile(found.start, (9, 1)).at[:, row.latent].set(row.values)
            decoded = jax.vmap(lambda z: vj.decode(model, params, z))(codes)
            np.testing.assert_allclose(row.events, decoded, atol=1e-6)
            np.testing.assert_allclose(row.values, np.linspace(-2.5, 2.5, 9), atol=0.25)  # N(0, 1), from 2,000 draws

    def test_rates_are_those_of_the_examples_and_latents_come_in_their_order(self):
        model, params = trained(mlp())
        found = report.portrait_of(KEY, model, params, X)
        rate = jax.vmap(lambda x: vj.sample(KEY, model, params, x).rate)(X).mean(0)  # in closed form: of any key
        np.testing.assert_allclose(found.rates, rate, rtol=1e-5)
        assert [row.latent for row in found.traversals] == np.argsort(-rate).tolist()
        assert [row.rate for row in found.traversals] == pytest.approx(sorted(rate.tolist(), reverse=True), rel=1e-5)

    def test_samples_are_decoded_draws_of_the_prior(self):
        """A decoder that shows z: samples are N(0, 1), within four standard errors."""
        model, params = mlp(16, likelihood=vj.likelihoods.normal()), None
        shows = model._replace(decode=lambda params, z, example: z.reshape(4, 4))
        params = vj.init(KEY, model, X)
        kinds = report._drawn.KINDS._replace(samples=500)
        samples = report.portrait_of(KEY, shows, params, X, kinds=kinds).samples
        assert abs(samples.mean()) < 4 / np.sqrt(samples.size)
        assert abs(samples.var() - 1) < 4 * np.sqrt(2 / samples.size)

    def test_examples_that_are_all_the_same_have_nothing_between_them(self):
        model, params = trained(mlp())
        same = np.stack([X[0]] * 5)
        assert report.portrait_of(KEY, model, params, same).interpolation is None
        found = report.portrait_of(KEY, model, params, np.stack([X[0], X[0], X[1]]))
        np.testing.assert_allclose(found.interpolation[-1], found.reconstructions[2], atol=1e-5)
        one = report.portrait_of(KEY, model, params, X[:1])
        assert one.reconstructions.shape == (1, 4, 4)
        assert one.codes is None


class TestAnyModel:
    """What makes no sense for a model is left out."""

    def test_a_context_stays_with_its_example(self):
        net = vj.nets.mlp(8)
        model = vj.vae(net, net, data_shape=(4, 4), latent_size=2, likelihood=vj.likelihoods.normal())
        context = jnp.eye(3)[jnp.arange(30) % 3]
        examples = vj.Example(jnp.asarray(X), context)
        params = jax.tree.map(lambda leaf: leaf * 2.0, vj.init(KEY, model, examples))
        found = report.portrait_of(KEY, model, params, examples)
        rebuilt = jax.vmap(lambda example: vj.reconstruct(model, params, example))(
            jax.tree.map(lambda leaf: leaf[:12], examples)
        )
        np.testing.assert_allclose(found.reconstructions, rebuilt, atol=1e-5)
        z = vj.encode(model, params, jax.tree.map(lambda leaf: leaf[3], examples))  # the first other one of context 0
        np.testing.assert_allclose(found.interpolation[-1], vj.decode(model, params, z, context[0]), atol=1e-5)
        alone = jax.tree.map(lambda leaf: leaf[:3], examples)  # no two of one context
        assert report.portrait_of(KEY, model, params, alone).interpolation is None

    def test_draws_of_the_prior_have_the_contexts_of_the_examples_in_turn(self):
        examples = vj.Example(jnp.asarray(X), jnp.arange(30.0)[:, None])
        model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4, 4), latent_size=2)
        params = vj.init(KEY, model, examples)
        shows = model._replace(
            sample_prior=lambda key, params, example: jnp.full(2, example.context[0]),
            decode=lambda params, z, example: jnp.full((4, 4), 100 * z[0] + example.context[0]),
        )
        samples = report.portrait_of(KEY, shows, params, examples).samples
        np.testing.assert_allclose(samples[:, 0, 0], 101.0 * (np.arange(32) % 30))

    def test_rates_that_do_not_come_per_latent_are_left_out_and_latents_keep_their_order(self):
        found = report.portrait_of(KEY, *trained(mlp(posterior=vj.posteriors.planar())), X)
        assert found.rates.shape == (0,)
        assert [row.latent for row in found.traversals] == [0, 1, 2]
        assert all(np.isnan(row.rate) for row in found.traversals)

    @pytest.mark.parametrize(
        "families",
        [
            lambda: {"posterior": vj.posteriors.bernoulli(), "prior": vj.priors.uniform_bernoulli()},
            lambda: {"posterior": vj.posteriors.categorical(4), "prior": vj.priors.uniform_categorical(4)},
        ],
        ids=["bernoulli", "categorical"],
    )
    def test_discrete_latents_are_not_moved_and_are_exchanged_one_by_one_between_examples(self, families):
        model, params = trained(mlp(**families()))
        shows = model._replace(decode=lambda params, z, example: jnp.pad(z.ravel(), (0, 16 - z.size)).reshape(4, 4))
        found = report.portrait_of(KEY, shows, params, X)
        assert found.traversals == ()
        assert set(np.unique(found.interpolation)) <= {0.0, 1.0}  # codes that there are
        assert found.codes.points.shape == (30, 2)

    def test_latents_on_a_sphere_are_not_moved_alone_and_paths_stay_on_it(self):
        model = mlp(3, posterior=vj.posteriors.von_mises_fisher(), prior=vj.priors.uniform_sphere())
        model, params = trained(model)
        shows = model._replace(decode=lambda params, z, example: jnp.pad(z, (0, 13)).reshape(4, 4))
        found = report.portrait_of(KEY, shows, params, X)
        assert found.traversals == ()
        ends = [np.linalg.norm(found.interpolation[at]) for at in (0, -1)]
        norms = np.linalg.norm(found.interpolation.reshape(9, -1), axis=1)
        np.testing.assert_allclose(norms, np.linspace(*ends, 9), rtol=1e-4)  # a line would be nearer to 0

    def test_of_a_class_and_numbers_together_the_numbers_are_moved(self):
        net = vj.nets.mlp(8)
        model = vj.variants.labelled(mlp(2), net, 3)
        examples = vj.Example(jnp.asarray(X), jnp.arange(30) % 3)
        params = vj.init(KEY, model, examples)
        found = report.portrait_of(KEY, model, params, examples)
        assert [row.latent for row in found.traversals] == [0, 1]
        assert found.start.shape == (5,)

    def test_a_codebook_is_drawn_without_moving_its_vectors(self):
        model = vj.variants.vector_quantised(mlp(4, posterior=vj.posteriors.point((3,))), num_codes=8)
        params = vj.init(KEY, model, X)
        found = report.portrait_of(KEY, model, params, X)
        assert (found.traversals, found.start) == ((), None)
        assert found.samples.shape == (32, 4, 4)

    def test_a_hierarchy_is_drawn(self):
        net = vj.nets.mlp(8)
        model, params = trained(vj.ladder(net, net, net, data_shape=(4, 4), latent_sizes=(2, 3)))
        found = report.portrait_of(KEY, model, params, X)
        assert len(found.traversals) == 5  # those in use, of six that there is room for
        assert found.rates.shape == found.start.shape == (6,)

    def test_tables_and_sequences_pass_as_they_are(self):
        model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(16,), latent_size=1)
        params = vj.init(KEY, model, X.reshape(30, 16))
        found = report.portrait_of(KEY, model, params, X.reshape(30, 16))
        assert found.samples.shape == (32, 16)
        assert found.traversals[0].events.shape == (9, 16)
        np.testing.assert_allclose(found.codes.points[0, 0], found.start[0], rtol=1e-6)
        assert (found.codes.points[:, 1] >= 0).all()


class TestGrid:
    def test_each_member_looks_as_its_compact_model_does(self, grid, portraits):
        assert sorted(portraits) == [0, 1, 2, 3, 4]  # the last diverged
        for place, where in ((0, {"latent_size": 2, "beta": 0.1}), (4, {"latent_size": 5, "beta": 0.5})):
            alone, there = report.portrait_of(KEY, *vj.extract(grid, **where), X), portraits[place]
            assert [row.latent for row in alone.traversals] == [row.latent for row in there.traversals]
            assert alone.codes.title == there.codes.title
            for one, other in zip(jax.tree.leaves(alone), jax.tree.leaves(there), strict=True):
                if not isinstance(one, str):
                    np.testing.assert_allclose(one, other, atol=2e-4)

    def test_live_decoders_are_asked_for_with_compact_members(self, grid):
        def live_of(key, model, params, context):
            decoded = vj.decode(model, params, jnp.ones(model.active().shape), context)
            return Live({"latents": model.active().shape[0]}, np.asarray(decoded, np.float16).ravel(), 0.0)

        found = report.portraits(KEY, grid, X, live_of=live_of)
        assert [portrait.live.program["latents"] for portrait in found.values()] == [2, 2, 2, 5, 5]
        expected = vj.decode(*vj.extract(grid, latent_size=2, beta=1.0), jnp.ones(2))
        np.testing.assert_allclose(found[2].live.weights, np.ravel(expected), rtol=2e-3)

    def test_where_not_all_fits_the_chosen_and_the_best_of_each_size_have_everything(self, grid):
        size = 4 * 16
        chosen = {"latent_size": 2, "beta": 1.0}
        room = size * (2 * (12 + 32 + 9 * 9) + 2 * (12 + 32))  # two members whole and two of the others
        found = report.portraits(KEY, grid, X, chosen=chosen, most_bytes=room)
        first, others = ranked([grid.dataset], chosen)
        assert first[0] == 2
        assert sorted(found) == sorted([*first, *others[:2]])
        for place, portrait in found.items():
            assert bool(portrait.traversals) == (place in first)
            assert (portrait.interpolation is not None) == (place in first)
            assert portrait.samples.shape == (32, 4, 4)

    @pytest.mark.long
    def test_a_program_for_each_width_is_a_grid_too(self):
        def member(width):
            model = vj.vae(vj.nets.mlp(width), vj.nets.mlp(width), data_shape=(4, 4), latent_size=2)
            return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))

        result = vj.sweep(member, X, width=[4, 8], epochs=1, num_samples=4)
        assert len(result.programs) == 2
        found = report.portraits(KEY, result, X)
        expected = report.portrait_of(KEY, *vj.extract(result, width=8), X)
        np.testing.assert_allclose(found[1].samples, expected.samples, atol=1e-4)


def test_a_plane_has_the_directions_of_the_largest_variance():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(400, 5)) * [0.1, 3.0, 0.1, 2.0, 0.1] + 7
    found = plane_of(codes, None)
    assert np.cov(found.points.T) == pytest.approx(np.diag([9.0, 4.0]), rel=0.2, abs=0.7)
    assert "100% of their variance" in found.title
    np.testing.assert_allclose(np.abs(np.corrcoef(found.points[:, 0], codes[:, 1])[0, 1]), 1, atol=0.02)
    np.testing.assert_array_equal(plane_of(codes, None).points, found.points)
    assert "all the same" in plane_of(np.ones((5, 3)), None).title


def decoded(sprite):
    """The tiles of a sprite, `[num, height, width, *channels]`, as a browser cuts them out."""
    data = base64.b64decode(sprite["src"].split(",", 1)[1])
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width, columns = sprite["height"], sprite["width"], sprite["columns"]
    places = [divmod(at, columns) for at in range(sprite["num"])]
    return np.stack([pixels[y * height : (y + 1) * height, x * width : (x + 1) * width] for y, x in places]) / 255


def digits(num, side=28):
    """Strokes like those of handwritten digits."""
    rng, out = np.random.default_rng(0), []
    y, x = np.mgrid[:side, :side] / side
    for _ in range(num):
        (a, b), r = rng.uniform(0.35, 0.65, 2), rng.uniform(0.1, 0.33)
        out.append(np.exp(-(((np.hypot(x - a, y - b) - r) / 0.07) ** 2)))
    return np.stack(out)


class TestStrip:
    def test_small_tiles_are_exact(self):
        tiles = np.random.default_rng(0).random((13, 8, 8))
        found = strip(tiles, Look(0.0, 1.0, 96))
        assert found["src"].startswith("data:image/png;base64,")
        assert np.abs(decoded(found)[..., 0] - tiles).max() <= 0.5 / 255 + 1e-9

    def test_larger_tiles_are_within_the_stated_error(self):
        tiles = digits(20)
        found = strip(tiles, Look(0.0, 1.0, 96))
        assert found["src"].startswith("data:image/webp;base64,")
        error = decoded(found)[..., 0] - tiles
        assert np.sqrt((error**2).mean()) < 0.016
        assert np.abs(error).max() < 0.15

    def test_colours_are_kept_and_large_pictures_made_smaller(self):
        tiles = np.stack([digits(4, 80)] * 3, axis=-1) * [1.0, 0.6, 0.2]
        found = strip(tiles, Look(0.0, 1.0, 40))
        assert (found["height"], found["width"]) == (40, 40)
        smaller = tiles.reshape(4, 40, 2, 40, 2, 3).mean((2, 4))
        error = decoded(found) - smaller
        assert np.sqrt((error**2).mean()) < 0.05  # colour has a quarter of the resolution

    def test_values_out_of_range_are_scaled_by_the_quantiles_of_the_examples(self):
        tiles = np.random.default_rng(0).normal(100, 30, (6, 8, 8))
        look = look_of(tiles, 96)
        assert (look.low, look.high) == pytest.approx(tuple(np.quantile(tiles, [0.01, 0.99])))
        again = strip((tiles - 100) / 30, look_of((tiles - 100) / 30, 96))
        assert again == strip(tiles, look)
        tiles[0, 0, 0] = np.nan
        assert decoded(strip(tiles, look))[0, 0, 0, 0] == 0

    def test_what_is_no_picture_is_numbers_of_four_digits_at_160_places_at_most(self):
        rows = np.linspace(0, 1, 2 * 1000).reshape(2, 1000)
        rows[0, 0] = np.nan
        found = strip(rows, Look(0.0, 1.0, 96))
        assert found["kind"] == "line"
        (first,), (second,) = found["values"]
        assert len(first) == 160
        assert first[0] is None
        assert second[-1] == 1.0
        assert np.allclose(second, np.interp(np.linspace(0, 999, 160), np.arange(1000), rows[1]), atol=1e-3)

    @pytest.mark.parametrize("long_first", [True, False])
    def test_a_sequence_of_vectors_has_a_line_for_each_of_their_entries(self, long_first):
        rows = np.random.default_rng(0).random((2, 100, 3))
        found = strip(rows if long_first else rows.swapaxes(1, 2), Look(0.0, 1.0, 96))
        assert found["kind"] == "line"
        assert np.allclose(found["values"], rows.swapaxes(1, 2), atol=1e-3)

    @pytest.mark.parametrize(
        "shape", [(12, 9), (8, 8, 1), (8, 8, 3), (8, 8, 5), (150, 120), (5,), (300,), (200, 6), ()]
    )
    def test_events_of_any_shape(self, shape):
        found = strip(np.random.default_rng(0).random((3, *shape)), Look(0.0, 1.0, 96))
        assert found["kind"] == {(5,): "bars", (): "bars", (300,): "line", (200, 6): "line"}.get(shape, "image")
        json.dumps(found, allow_nan=False)


def table(num_sizes, num_seeds=1):
    """Members of which the last of each size is the best, and the largest size is best of all."""
    sizes = [2**at for at in range(num_sizes)]
    elbo = np.arange(num_sizes * num_seeds, dtype=float).reshape(num_sizes, num_seeds)
    status = np.full(elbo.shape, "ok")
    dims = ("latent_size", "seed")
    return xr.Dataset(
        {"elbo": (dims, elbo), "status": (dims, status)}, {"latent_size": sizes, "seed": range(num_seeds)}
    )


def pictured(shape, num_members, live=None):
    """A portrait with everything in it: noise in some, which no codec makes small."""
    smooth = digits(32, shape[0]) if len(shape) == 2 else np.stack([digits(32, shape[0])] * 3, axis=-1)
    noise = np.random.default_rng(num_members).random(smooth.shape)
    events = np.clip(smooth + 0.15 * (noise - 0.5), 0, 1)
    rows = tuple(Traversed(at, 1.0, np.linspace(-2, 2, 9), events[at : at + 9]) for at in range(8))
    codes = report.Codes(np.random.default_rng(0).normal(size=(300, 2)), "the two latents")
    return Portrait(events[:12], events, rows, events[:9], np.ones(8), codes, np.zeros(8), live)


class TestBudget:
    def test_what_fits_is_whole(self):
        shown = Shown(table(3, 2), portraits={at: pictured((8, 8), at) for at in range(6)}, examples=digits(12, 8))
        found = drawn(shown._replace(labels=np.array([3, 1])))
        assert found["left_out"] == ""
        assert found["labels"] == [3, 1]
        assert sorted(found["members"]) == list(range(6))
        for member in found["members"].values():
            assert len(member["traversals"]) == 8
            assert len(member["codes"]["points"]) == 300
        row, told = shown.portraits[4].traversals[2], found["members"][4]["traversals"][2]
        assert (told["latent"], told["rate"]) == (row.latent, row.rate)
        np.testing.assert_allclose(told["values"], row.values)
        assert np.abs(decoded(told["strip"])[..., 0] - row.events).max() <= 0.5 / 255 + 1e-9

    @pytest.mark.parametrize("shape", [(28, 28), (64, 64, 3)], ids=str)
    def test_sixty_members_stay_in_it_and_the_least_important_lose_first(self, shape):
        portrait = pictured(shape, 0, Live({"layers": []}, np.zeros(30_000, np.float16), 1e-3))
        answer = SimpleNamespace(member={"latent_size": 1, "seed": 3})
        shown = Shown(
            table(6, 10), answer, portraits=dict.fromkeys(range(60), portrait), examples=portrait.samples[:12]
        )
        found = drawn(shown)
        assert len(json.dumps(found)) <= 3_000_000
        members = found["members"]
        first = [3, *range(19, 60, 10)]  # the answer's, and the best of each other size
        assert all(len(members[at]["traversals"]) == 8 and members[at]["live"] for at in first)
        has = {
            name: {at for at, member in members.items() if member[name]} for name in ("traversals", "codes", "samples")
        }
        assert has["traversals"] <= has["codes"] <= has["samples"]
        assert has["samples"] == {*members}
        scores = {at: float(at) for at in members if at not in first}
        for name in ("traversals", "codes", "live"):
            having = [scores[at] for at in scores if members[at][name]]
            lacking = [scores[at] for at in scores if not members[at][name]]
            assert not having or not lacking or min(having) > max(lacking)
        assert ("live decoders of" in found["left_out"]) == any(member["live"] is None for member in members.values())
        assert (len(has["traversals"]) < 60) == ("the traversals of" in found["left_out"])

    def test_a_budget_that_is_too_small_for_all_leaves_out_the_last_and_says_so(self):
        shown = Shown(table(1, 8), portraits={at: pictured((28, 28), at) for at in range(8)})
        whole = len(json.dumps(drawn(shown)))
        found = drawn(shown, whole // 6)
        assert len(json.dumps(found)) <= whole // 6
        assert 7 in found["members"]  # the best
        assert set(found["members"]) == set(range(8 - len(found["members"]), 8))
        assert f"the samples of {8 - len(found['members'])} members" in found["left_out"]
        assert drawn(shown, 100)["members"] == {}

    def test_columns_of_a_table_have_scales_of_their_own(self):
        """Those of examples and of what members draw, together."""
        rows, drawn_rows = np.random.default_rng(0).random((2, 20, 3)) * [1.0, 1e4, 0.0] + [0.0, -50.0, 7.0]
        made = Shown(table(1), portraits={0: Portrait(samples=drawn_rows)}, examples=rows, entries=("a", "b", "c"))
        found = drawn(made)
        low, high = np.quantile(np.concatenate([rows, drawn_rows]), [0.01, 0.99], axis=0)
        assert found["entries"] == ["a", "b", "c"]
        for part in (found["examples"], found["members"][0]["samples"], found["look"]):
            np.testing.assert_allclose(part["low"], low, rtol=1e-3)
            np.testing.assert_allclose(part["high"], [*high[:2], 8.0], rtol=1e-3)  # one that does not vary

    @pytest.mark.parametrize("names", [("a", "b"), tuple("abcd")])
    def test_names_of_other_entries_are_left_out(self, names):
        made = Shown(table(1), portraits={0: Portrait(samples=np.ones((3, 3)))}, entries=names)
        assert drawn(made)["entries"] == []
        assert drawn(made)["look"]["low"] == drawn(made._replace(entries=()))["look"]["low"]

    def test_equal_inputs_give_equal_bytes(self):
        shown = Shown(table(2), portraits={at: pictured((28, 28), at) for at in range(2)}, examples=digits(12))
        assert json.dumps(drawn(shown)) == json.dumps(drawn(shown))

    def test_weights_of_a_live_decoder_come_back_bit_by_bit(self):
        weights = np.random.default_rng(0).normal(size=77).astype(np.float16)
        shown = Shown(table(1), portraits={0: Portrait(live=Live({"a": 1}, weights, 1.23456e-3))})
        live = drawn(shown)["members"][0]["live"]
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(live["weights"]), "<f2"), weights)
        assert (live["program"], live["tolerance"]) == ({"a": 1}, 0.001235)

    def test_lines_are_counted_too(self):
        rows = np.random.default_rng(0).random((32, 500))
        portraits = {at: Portrait(rows[:12], rows) for at in range(60)}
        found = drawn(Shown(table(6, 10), portraits=portraits, examples=rows[:12]), 1_000_000)
        assert len(json.dumps(found)) <= 1_000_000
        assert "the samples of" in found["left_out"]


def test_places_go_on_from_one_table_to_the_next():
    rounds = [table(2), table(2).assign_coords(seed=[1])]
    rounds[1]["elbo"] += 10
    assert ranked(rounds, {"latent_size": 1, "seed": 1}) == ([2, 3], [1, 0])

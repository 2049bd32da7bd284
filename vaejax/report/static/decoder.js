// A decoder in the page. `fromHalf(base64)` reads float16 weights; `liveDecoder(program, weights)` makes z => mean of
// p(x|z), a Float32Array. A program is a list of steps on flat arrays: value 0 is z, then come the constants, then what
// each step writes. All arrays and tables are made once; a picture only fills them.
const { liveDecoder, fromHalf } = (() => {
  const half = (bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  };

  const fromHalf = (base64) => {
    const text = atob(base64), numbers = new Float32Array(text.length / 2);
    for (let i = 0; i < numbers.length; i++) {
      numbers[i] = half(text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 8));
    }
    return numbers;
  };

  // Places from `first` by `step`, and that again from `jump` further on.
  const placesOf = (runs) => {
    const total = runs.reduce((sum, [, , count, , times]) => sum + count * times, 0);
    const places = new Int32Array(total);
    let at = 0;
    for (const [first, step, count, jump, times] of runs) {
      for (let t = 0; t < times; t++) for (let c = 0; c < count; c++) places[at++] = first + t * jump + c * step;
    }
    return places;
  };

  const constantOf = ({ value, at, count, parts, scale, runs }, weights) => {
    if (value !== undefined) return new Float32Array([Number(value)]);
    const kept = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      kept[i] = scale * (weights[at + i] + (parts === 2 ? weights[at + count + i] : 0));
    }
    return runs ? Float32Array.from(placesOf(runs), (place) => kept[place]) : kept;
  };

  // erf is a series of positive terms, 1 - erf beyond 2 a continued fraction.
  const beyond = (x) => {
    let below = x;
    for (let n = 60; n > 0; n--) below = x + n / 2 / below;
    return Math.exp(-x * x) / (Math.sqrt(Math.PI) * below);
  };
  const erf = (x) => {
    if (!(Math.abs(x) < 2)) return Math.sign(x) * (1 - beyond(Math.abs(x)));
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17; n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  };
  const erfc = (x) => (x < 2 ? 1 - erf(x) : beyond(x));

  const of1 = (f) => (out, [a]) => () => {
    for (let i = 0; i < out.length; i++) out[i] = f(a[i]);
  };
  // An array of one number stands for as many as there are.
  const by = (array) => (array.length > 1 ? 1 : 0);
  const of2 = (f) => (out, [a, b]) => {
    const p = by(a), q = by(b);
    return () => {
      for (let i = 0; i < out.length; i++) out[i] = f(a[i * p], b[i * q]);
    };
  };

  const select = (out, [which, no, yes]) => {
    const p = by(which), q = by(no), r = by(yes);
    return () => {
      for (let i = 0; i < out.length; i++) out[i] = which[i * p] ? yes[i * r] : no[i * q];
    };
  };

  const pick = (out, sources, { runs }) => {
    const places = placesOf(runs);
    let start = 0;
    const copies = sources.map((source) => {
      const from = start, to = (start += source.length);
      const targets = Int32Array.from(places.keys()).filter((i) => places[i] >= from && places[i] < to);
      return [source, targets, targets.map((i) => places[i] - from)];
    });
    return () => {
      for (const [source, targets, found] of copies) {
        for (let i = 0; i < targets.length; i++) out[targets[i]] = source[found[i]];
      }
    };
  };

  const matmul = (out, [a, b], { batch, rows, inner, columns }) => () => {
    out.fill(0);
    for (let g = 0; g < batch; g++) {
      for (let r = 0; r < rows; r++) {
        const to = (g * rows + r) * columns;
        for (let k = 0; k < inner; k++) {
          const weight = a[(g * rows + r) * inner + k], from = (g * inner + k) * columns;
          if (weight !== 0) for (let c = 0; c < columns; c++) out[to + c] += weight * b[from + c];
        }
      }
    }
  };

  // [output, tap] -> the pixel it sees, or -1: output o sees (stride o + dilation tap - low) / spread.
  const seen = ({ size, out, taps, stride, spread, dilation, low }) => {
    const along = (axis, output, tap) => {
      const place = stride[axis] * output + dilation[axis] * tap - low[axis], pixel = place / spread[axis];
      return Number.isInteger(pixel) && pixel >= 0 && pixel < size[axis] ? pixel : -1;
    };
    const pixels = [];
    for (let y = 0; y < out[0]; y++) for (let x = 0; x < out[1]; x++) {
      for (let v = 0; v < taps[0]; v++) for (let u = 0; u < taps[1]; u++) {
        const row = along(0, y, v), column = along(1, x, u);
        pixels.push(row < 0 || column < 0 ? -1 : row * size[1] + column);
      }
    }
    return Int32Array.from(pixels);
  };

  const conv = (out, [image, kernel], how) => {
    const { channels, features } = how, pixels = seen(how), taps = how.taps[0] * how.taps[1];
    return () => {
      out.fill(0);
      for (let i = 0; i < pixels.length; i++) {
        if (pixels[i] < 0) continue;
        const tap = i % taps, to = ((i - tap) / taps) * features;
        for (let c = 0; c < channels; c++) {
          const weight = image[pixels[i] * channels + c], from = (tap * channels + c) * features;
          if (weight !== 0) for (let f = 0; f < features; f++) out[to + f] += weight * kernel[from + f];
        }
      }
    };
  };

  const reduced = (f, first) => (out, [a], { num }) => () => {
    for (let i = 0; i < out.length; i++) {
      let found = first;
      for (let j = i * num; j < (i + 1) * num; j++) found = f(found, a[j]);
      out[i] = found;
    }
  };

  const makers = {
    neg: of1((x) => -x), exp: of1(Math.exp), log: of1(Math.log), log1p: of1(Math.log1p), expm1: of1(Math.expm1),
    tanh: of1(Math.tanh), logistic: of1((x) => 1 / (1 + Math.exp(-x))), erf: of1(erf), erfc: of1(erfc),
    sqrt: of1(Math.sqrt), abs: of1(Math.abs), sign: of1(Math.sign), floor: of1(Math.floor), ceil: of1(Math.ceil),
    sin: of1(Math.sin), cos: of1(Math.cos), is_finite: of1((x) => +Number.isFinite(x)), not: of1((x) => +!x),
    add: of2((x, y) => x + y), sub: of2((x, y) => x - y), mul: of2((x, y) => x * y), div: of2((x, y) => x / y),
    max: of2(Math.max), min: of2(Math.min), pow: of2(Math.pow),
    lt: of2((x, y) => +(x < y)), le: of2((x, y) => +(x <= y)), gt: of2((x, y) => +(x > y)),
    ge: of2((x, y) => +(x >= y)), eq: of2((x, y) => +(x === y)), ne: of2((x, y) => +(x !== y)),
    and: of2((x, y) => +(x !== 0 && y !== 0)), or: of2((x, y) => +(x !== 0 || y !== 0)),
    select, pick, matmul, conv,
    sum: reduced((x, y) => x + y, 0), most: reduced(Math.max, -Infinity), least: reduced(Math.min, Infinity),
  };

  const liveDecoder = (program, weights) => {
    const values = [new Float32Array(program.latents)];
    for (const constant of program.constants) values.push(constantOf(constant, weights));
    const steps = program.steps.map(([op, reads, size, how]) => {
      const out = new Float32Array(size);
      values.push(out);
      return makers[op](out, reads.map((place) => values[place]), how);
    });
    return (z) => {
      values[0].set(z);
      for (const step of steps) step();
      return values[program.output].slice();
    };
  };

  return { liveDecoder, fromHalf };
})();

// The layers, a function each: from values to values, and nothing else. Values are
// {shape: [height, width, channels], data}, the channel running fastest; parameters are
// {shape, data} by their names in the file.

const valuesOf = (height, width, channels) => (
  {shape: [height, width, channels], data: new Float64Array(height * width * channels)});

// y[r, c, o] = b[o] + Σ w[i, j, k, o] x[r + i − padding, c + j − padding, k], 0 beyond the border
function conv(x, w, b, padding) {
  const [height, width, channels] = x.shape;
  const [tall, wide, , out] = w.shape;
  const y = valuesOf(height + 2 * padding - tall + 1, width + 2 * padding - wide + 1, out);
  for (let r = 0; r < y.shape[0]; r++) for (let c = 0; c < y.shape[1]; c++) {
    const sums = y.data.subarray((r * y.shape[1] + c) * out, (r * y.shape[1] + c + 1) * out);
    if (b) sums.set(b.data);
    for (let i = 0; i < tall; i++) for (let j = 0; j < wide; j++) {
      const row = r + i - padding, column = c + j - padding;
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      for (let k = 0; k < channels; k++) {
        const value = x.data[(row * width + column) * channels + k];
        const weights = ((i * wide + j) * channels + k) * out;
        for (let o = 0; o < out; o++) sums[o] += w.data[weights + o] * value;
      }
    }
  }
  return y;
}

// y[r, c, k] = max x[2 r + i, 2 c + j, k] over i and j of 0 and 1
function maxPool(x) {
  const [, width, channels] = x.shape;
  const y = valuesOf(x.shape[0] >> 1, width >> 1, channels);
  for (let r = 0, at = 0; r < y.shape[0]; r++)
    for (let c = 0; c < y.shape[1]; c++)
      for (let k = 0; k < channels; k++, at++) {
        const here = (2 * r * width + 2 * c) * channels + k, below = here + width * channels;
        y.data[at] = Math.max(
          x.data[here], x.data[here + channels], x.data[below], x.data[below + channels]);
      }
  return y;
}

// y = γ (x − μ) / √(σ² + 10⁻⁵) + β, each channel with its own γ, β, μ and σ²
function batchNorm(x, scale, bias, mean, variance) {
  const channels = scale.data.length;
  return {shape: x.shape, data: x.data.map((value, at) => {
    const k = at % channels;
    const z = (value - mean.data[k]) / Math.sqrt(variance.data[k] + 1e-5);
    return scale.data[k] * z + bias.data[k];
  })};
}

// y = max(x, 0)
const relu = (x) => ({shape: x.shape, data: x.data.map((value) => Math.max(value, 0))});

// y[o] = b[o] + Σ x[k] w[k, o], all values of x in one row
function linear(x, w, b) {
  const out = w.shape[1];
  const y = valuesOf(1, 1, out);
  y.data.set(b.data);
  x.data.forEach((value, k) => {
    for (let o = 0; o < out; o++) y.data[o] += value * w.data[k * out + o];
  });
  return y;
}

// y = by x: logits multiplied by a constant make a softmax that is surer
const sharpen = (x, by) => ({shape: x.shape, data: x.data.map((value) => by * value)});

// p[i] = exp x[i] / Σ exp x[j]; the largest x is taken off first, so that no exp is too large
function softmax(x) {
  const most = Math.max(...x.data);
  const powers = Array.from(x.data, (value) => Math.exp(value - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

// P(first ≤ second) = Σ p[i] q[j] over i ≤ j: the products, and the sum
function atMost(p, q) {
  const products = p.map((one) => q.map((other) => one * other));
  let sum = 0;
  products.forEach((row, i) => row.forEach((product, j) => { if (i <= j) sum += product; }));
  return {products, sum};
}

// The champion's layers, each with what it is called.
function championOf(params, surer) {
  const at = (name) => params[`0.${name}`];
  const normed = (n) => (x) => batchNorm(
    x, at(`${n}.scale`), at(`${n}.bias`), at(`${n}.mean`), at(`${n}.var`));
  return [
    ["convolution, 3×3", (x) => conv(x, at("1.w"), null, 0)],
    ["batch norm", normed(2)],
    ["relu", relu],
    ["convolution, 3×3", (x) => conv(x, at("4.w"), null, 0)],
    ["max pool, 2×2", maxPool],
    ["batch norm", normed(6)],
    ["relu", relu],
    ["convolution, 3×3, with a border of 0", (x) => conv(x, at("8.w"), null, 1)],
    ["batch norm", normed(9)],
    ["relu", relu],
    ["convolution, 3×3", (x) => conv(x, at("11.w"), null, 0)],
    ["batch norm", normed(12)],
    ["relu", relu],
    ["linear: a logit for each of 0 to 9", (x) => linear(x, at("15.w"), at("15.b"))],
    [`logits times ${surer}`, (x) => sharpen(x, surer)],
  ];
}

// The layers of the small network that knows the digits, and what is none of them.
function knowerOf(params) {
  const at = (name) => params[name];
  return [
    ["convolution, 3×3", (x) => conv(x, at("1.w"), at("1.b"), 0)],
    ["relu", relu],
    ["convolution, 3×3", (x) => conv(x, at("3.w"), at("3.b"), 0)],
    ["relu", relu],
    ["max pool, 2×2", maxPool],
    ["convolution, 3×3, with a border of 0", (x) => conv(x, at("6.w"), at("6.b"), 1)],
    ["relu", relu],
    ["convolution, 3×3", (x) => conv(x, at("8.w"), at("8.b"), 0)],
    ["relu", relu],
    ["linear: a logit for each of 0 to 9, and for none", (x) => linear(x, at("11.w"), at("11.b"))],
  ];
}

// Send x through layers, one after the other: what each gives, the input first.
function through(layers, x) {
  const seen = [["what the network sees", x]];
  for (const [name, layer] of layers) seen.push([name, layer(seen.at(-1)[1])]);
  return seen;
}

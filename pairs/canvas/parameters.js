// Parameters from a file of safetensors: eight bytes say how long the header is, the header is
// JSON, and the tensors follow, here of 16-bit floats.

function parametersOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const told = JSON.parse(header.__metadata__?.funcdl ?? "{}");
  delete header.__metadata__;
  const params = {};
  for (const [name, {dtype, shape, data_offsets: [first, end]}] of Object.entries(header)) {
    if (dtype !== "F16") throw new TypeError(`${name}: expected F16, got ${dtype}`);
    const data = new Float64Array((end - first) / 2);
    for (let i = 0; i < data.length; i++) data[i] = half(view.getUint16(start + first + 2 * i, true));
    params[name] = {shape, data};
  }
  return {params, told};
}

// A sign, five bits of exponent, ten of fraction: (1 + f / 1024) 2^(e − 15), or f / 1024 · 2^−14
// where e is 0.
function half(bits) {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  return sign * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
}

// F32, F16, BF16: a value a column. Rows may end anywhere.
const bool kHasTails = true;

float load_weight(uint64_t row, uint column) {
#if defined(FORMAT_f32)
  return Floats(row).at[column];
#elif defined(FORMAT_f16)
  return half_to_float(uint(Halves(row).at[column]));
#else
  return uintBitsToFloat(uint(Halves(row).at[column]) << 16);
#endif
}

/// Columns 16 * unit.. of a row, all of which are there.
void load_unit(uint64_t row, uint unit, out float values[16]) {
  [[unroll]] for (uint i = 0; i < 16; ++i) values[i] = load_weight(row, unit * 16 + i);
}

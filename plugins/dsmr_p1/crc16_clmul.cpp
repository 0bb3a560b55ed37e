// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// CRC-16/ARC by folding 128-bit blocks with carry-less multiplication.
//
// In reflected order the first byte of the message holds the highest powers of x. A 128-bit block L:H (L the 8 bytes
// that come first) followed by d more bits of message may be replaced by
//     clmul(L, x^(d + 64 - 1) mod P) + clmul(H, x^(d - 1) mod P)
// added to the block that stands d bits later: same remainder, d bits shorter. (-1, because a carry-less product of two
// reflected 64-bit numbers comes out one bit lower than the 128-bit register.) What remains, one block of 16 bytes,
// goes through the tables. source  V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction", Intel 2009
#include "crc16.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define MESURA_P1_HAS_CLMUL 1
#endif

#include <array>
#include <cstddef>

namespace mesura::dsmr_p1::detail {

#ifdef MESURA_P1_HAS_CLMUL
namespace {

/// x^n mod P, bit-reflected into the top of 64 bits, where the multiplier wants it.
constexpr std::uint64_t reflected_power(unsigned n) {
  std::uint32_t remainder = 1;
  for (unsigned i = 0; i < n; ++i) {
    remainder <<= 1U;
    if ((remainder & 0x10000U) != 0) remainder ^= 0x18005U;
  }
  std::uint64_t reflected = 0;
  for (unsigned bit = 0; bit < 16; ++bit)
    if ((remainder >> bit & 1U) != 0) reflected |= std::uint64_t{1} << (63U - bit);
  return reflected;
}

constexpr unsigned kBlock = 128;          // bits
constexpr unsigned kStride = 4 * kBlock;  // four blocks side by side hide the multiplier's latency
constexpr std::uint64_t kFar = reflected_power(kStride + 64 - 1), kFarLow = reflected_power(kStride - 1);
constexpr std::uint64_t kNear = reflected_power(kBlock + 64 - 1), kNearLow = reflected_power(kBlock - 1);

#define MESURA_P1_CLMUL __attribute__((target("pclmul,sse2"), always_inline)) inline

MESURA_P1_CLMUL __m128i load(const std::uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

MESURA_P1_CLMUL __m128i fold(__m128i block, __m128i powers, __m128i next) {
  const __m128i first = _mm_clmulepi64_si128(block, powers, 0x00);
  const __m128i second = _mm_clmulepi64_si128(block, powers, 0x11);
  return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

MESURA_P1_CLMUL __m128i pair(std::uint64_t low, std::uint64_t high) {
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

}  // namespace

bool has_clmul() { return __builtin_cpu_supports("pclmul") != 0; }

__attribute__((target("pclmul,sse2"))) std::uint16_t crc16_clmul(std::span<const std::uint8_t> bytes) {
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  if (left < 64) return crc16_sliced(bytes);

  const __m128i far = pair(kFar, kFarLow);
  __m128i a = load(p), b = load(p + 16), c = load(p + 32), d = load(p + 48);
  for (p += 64, left -= 64; left >= 64; p += 64, left -= 64) {
    a = fold(a, far, load(p));
    b = fold(b, far, load(p + 16));
    c = fold(c, far, load(p + 32));
    d = fold(d, far, load(p + 48));
  }
  const __m128i near = pair(kNear, kNearLow);
  b = fold(a, near, b);
  c = fold(b, near, c);
  d = fold(c, near, d);
  for (; left >= 16; p += 16, left -= 16) d = fold(d, near, load(p));

  alignas(16) std::array<std::uint8_t, 16> rest;
  _mm_store_si128(reinterpret_cast<__m128i*>(rest.data()), d);
  return crc16_sliced({p, left}, crc16_sliced(rest));
}

#else

bool has_clmul() { return false; }
std::uint16_t crc16_clmul(std::span<const std::uint8_t> bytes) { return crc16_sliced(bytes); }

#endif

}  // namespace mesura::dsmr_p1::detail

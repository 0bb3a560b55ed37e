// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace mesura::smartmeter {
namespace {

// The compilers' vectors: SSE, NEON or whatever the target has, without its names.
using Float4 = float __attribute__((vector_size(16)));
constexpr std::size_t kLanes = 4;

inline Float4 load(const void* p) {
  Float4 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// v and i of each pair change places.
inline Float4 swapped(Float4 x) { return __builtin_shufflevector(x, x, 1, 0, 3, 2); }

/// Two rows fill Lines vectors; lane n of them is value n % (2 Lines) of a row.
template <std::size_t Lines>
struct Lanes {
  Float4 square[Lines] = {}, cross[Lines] = {}, re[Lines] = {}, im[Lines] = {};

  /// Written out for each vector: only then do all of them stay in registers.
  template <std::size_t... K>
  void add(const void* samples, const float* cosines, const float* sines, std::index_sequence<K...> /*vectors*/) {
    (add_vector<K>(load(static_cast<const char*>(samples) + sizeof(Float4) * K), load(cosines + kLanes * K),
                   load(sines + kLanes * K)),
     ...);
  }
  template <std::size_t K>
  void add_vector(Float4 x, Float4 cosine, Float4 sine) {
    square[K] += x * x;
    cross[K] += x * swapped(x);
    re[K] += x * cosine;
    im[K] += x * sine;
  }
};

template <std::size_t Lines>
void spread(const Float4 (&lanes)[Lines], double (&out)[2 * Lines]) {
  float all[kLanes * Lines];
  std::memcpy(all, lanes, sizeof all);
  for (std::size_t i = 0; i < 2 * Lines; ++i) out[i] = double{all[i]} + double{all[i + 2 * Lines]};
}

}  // namespace

void Kernel::set(std::size_t lines, double radians) {
  lines_ = lines;
  radians_ = radians;
  for (std::size_t row = 0; row <= kBlock; ++row) {
    const double angle = -radians * static_cast<double>(row);
    steps_[row] = {std::cos(angle), std::sin(angle)};
    if (row == kBlock) break;
    for (std::size_t i = 0; i < 2 * lines; ++i) {
      cos_[row * 2 * lines + i] = static_cast<float>(steps_[row].real());
      sin_[row * 2 * lines + i] = static_cast<float>(steps_[row].imag());
    }
  }
  turn_index_ = 0;
  turn_ = 1;
}

/// e^(-jw index). Runs on from block to block; what it loses to rounding within a window is beyond notice.
std::complex<double> Kernel::turn(std::uint64_t index) {
  const std::uint64_t ahead = index - turn_index_;
  if (index != 0 && index >= turn_index_ && ahead <= kBlock) {
    turn_ *= steps_[ahead];
  } else {
    const double angle = -radians_ * static_cast<double>(index);
    turn_ = {std::cos(angle), std::sin(angle)};
  }
  turn_index_ = index;
  return turn_;
}

template <std::size_t Lines>
void Kernel::add_block(const std::uint8_t* samples, std::size_t rows, const std::complex<double>& turn,
                       LineSums* sums) const {
  constexpr std::size_t kPair = kLanes * Lines;  // values in two rows
  Lanes<Lines> a;
  const float* cosines = cos_.data();
  const float* sines = sin_.data();
  for (std::size_t pair = 0; pair < rows / 2; ++pair) {
    a.add(samples, cosines, sines, std::make_index_sequence<Lines>{});
    samples += sizeof(float) * kPair;
    cosines += kPair;
    sines += kPair;
  }
  if (rows % 2 != 0) {  // the second row of the last pair is missing: as if it were 0
    float last[kPair] = {};
    std::memcpy(last, samples, sizeof(float) * 2 * Lines);
    a.add(last, cosines, sines, std::make_index_sequence<Lines>{});
  }
  double square[2 * Lines], cross[2 * Lines], re[2 * Lines], im[2 * Lines];
  spread<Lines>(a.square, square);
  spread<Lines>(a.cross, cross);
  spread<Lines>(a.re, re);
  spread<Lines>(a.im, im);
  const double tr = turn.real(), ti = turn.imag();
  for (std::size_t line = 0; line < Lines; ++line) {
    const std::size_t v = 2 * line, i = v + 1;
    sums[line].vv += square[v];
    sums[line].ii += square[i];
    sums[line].vi += cross[v];
    sums[line].v += std::complex<double>{re[v] * tr - im[v] * ti, re[v] * ti + im[v] * tr};
    sums[line].i += std::complex<double>{re[i] * tr - im[i] * ti, re[i] * ti + im[i] * tr};
  }
}

template <std::size_t Lines>
void Kernel::add_lines(const std::uint8_t* samples, std::size_t rows, std::uint64_t index, LineSums* sums) {
  while (rows > 0) {
    const std::size_t block = std::min(rows, kBlock);
    add_block<Lines>(samples, block, turn(index), sums);
    samples += block * 2 * Lines * sizeof(float);
    index += block;
    rows -= block;
  }
}

void Kernel::add(const std::uint8_t* samples, std::size_t rows, std::uint64_t index, LineSums* sums) {
  if (lines_ == kMostLines) {
    add_lines<kMostLines>(samples, rows, index, sums);
  } else {
    add_lines<1>(samples, rows, index, sums);
  }
}

}  // namespace mesura::smartmeter

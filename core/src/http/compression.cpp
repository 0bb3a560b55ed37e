// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compression.hpp"

#include "http/head.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

namespace mesura::http {
namespace {

constexpr int kLevel = 1;
constexpr int kGzipWindow = 15 + 16;  // 32 KiB, with a gzip header
constexpr int kMemoryLevel = 8;
constexpr std::size_t kPiece = 16 * 1024;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word_at(std::string_view text, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, std::min<std::size_t>(8, text.size() - at));
  return word;
}

}  // namespace

struct Gzip::Stream {
  z_stream z{};
  Stream() {
    if (::deflateInit2(&z, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc{};
  }
  ~Stream() { ::deflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

Gzip::Gzip() : stream_(std::make_unique<Stream>()) {}
Gzip::Gzip(Gzip&&) noexcept = default;
Gzip& Gzip::operator=(Gzip&&) noexcept = default;
Gzip::~Gzip() = default;

void Gzip::run(std::string_view bytes, std::string& out, bool last) {
  auto& z = stream_->z;
  do {
    const auto some = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max() / 2);
    z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib's interface; it only reads
    z.avail_in = static_cast<uInt>(some);
    bytes.remove_prefix(some);
    do {
      const auto size = out.size();
      out.resize(size + kPiece);
      z.next_out = reinterpret_cast<Bytef*>(out.data() + size);
      z.avail_out = kPiece;
      ::deflate(&z, last && bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
      out.erase(size + (kPiece - z.avail_out));
    } while (z.avail_out == 0);
  } while (!bytes.empty());
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto comma = accept_encoding.find(',');
    const auto one = trimmed(accept_encoding.substr(0, comma));
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size() : comma + 1);
    const auto semicolon = one.find(';');
    const auto name = trimmed(one.substr(0, semicolon));
    const auto weight = semicolon == std::string_view::npos ? std::string_view{} : trimmed(one.substr(semicolon + 1));
    const bool zero = (weight.starts_with("q=0") || weight.starts_with("Q=0")) &&
                      weight.find_first_of("123456789") == std::string_view::npos;
    if (equal_no_case(name, "gzip") || equal_no_case(name, "x-gzip")) return !zero;
    if (name == "*") any = !zero;
  }
  return any;
}

bool is_compressible(std::string_view content_type) {
  const auto type = trimmed(content_type.substr(0, content_type.find(';')));
  return type.starts_with("text/") || type.ends_with("json") || type.ends_with("xml") || type.ends_with("javascript") ||
         type.ends_with("ndjson") || type.ends_with("yaml");
}

std::string content_hash(std::string_view content) {
  constexpr std::uint64_t kA = 0x9e3779b97f4a7c15, kB = 0xd1b54a32d192ed03, kC = 0x8cb92ba72f3d8dd7;
  std::uint64_t one = kA ^ content.size(), two = kB + content.size();
  for (std::size_t at = 0; at < content.size(); at += 16) {
    const auto x = word_at(content, at);
    const auto y = at + 8 < content.size() ? word_at(content, at + 8) : 0;
    one = mix(one ^ x ^ kB, y ^ kC);
    two = mix(two ^ y ^ kA, x ^ one ^ kC);
  }
  one = mix(one ^ kC, two ^ kA);
  two = mix(two ^ kB, one ^ kC);
  std::string out;
  for (const auto word : {one, two})
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(word >> shift) & 15];
  return out;
}

}  // namespace mesura::http

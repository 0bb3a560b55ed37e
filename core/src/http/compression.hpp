// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mesura::http {

/// One gzip stream. Level 1: a JSON answer shrinks to a tenth at 10 times the speed of level 9.
/// errors  std::bad_alloc
/// thread  one caller at a time
class Gzip {
 public:
  Gzip();
  Gzip(Gzip&&) noexcept;
  Gzip& operator=(Gzip&&) noexcept;
  ~Gzip();

  /// Appends what has become of `bytes` (zlib keeps some back until the end).
  void add(std::string_view bytes, std::string& out) { run(bytes, out, false); }
  /// The rest. Nothing may follow.
  void finish(std::string& out) { run({}, out, true); }

 private:
  struct Stream;
  void run(std::string_view bytes, std::string& out, bool last);
  std::unique_ptr<Stream> stream_;
};

/// By "Accept-Encoding": gzip named (or *) and not with q=0.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);
/// Texts, by their media type; what is compressed already gains nothing.
[[nodiscard]] bool is_compressible(std::string_view content_type);

/// 128 bits that change with the content, in hexadecimal. No cryptographic hash: who writes our answers can also write
/// their tag. About 5 GB/s.
[[nodiscard]] std::string content_hash(std::string_view content);

}  // namespace mesura::http

// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/body_reader.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace mesura::http {
namespace {

constexpr std::size_t kMaxLine = 256;  // chunk sizes with their extensions, which nobody sends
constexpr std::size_t kMaxTrailer = 4096;

}  // namespace

void BodyReader::fail(int status, const char* what, const char* expected) {
  refusal_ = Refusal{status, {status == 413 ? "http-body" : "http-request", what, expected, {}, {}}};
}

void BodyReader::end_line(std::string& body) {
  if (line_.empty() || line_.back() != '\r') return fail(400, "a chunk's line that does not end in CR LF", "CR LF");
  line_.pop_back();
  if (part_ == Part::trailer) {
    done_ = line_.empty();
  } else if (part_ == Part::data_end) {
    if (!line_.empty()) return fail(400, "more bytes in a chunk than it said", "CR LF after the chunk's data");
    part_ = Part::size;
  } else {
    std::string_view size = line_;
    size = size.substr(0, size.find_first_of("; \t"));
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
    if (size.empty() || end != size.data() + size.size() ||
        (error != std::errc{} && error != std::errc::result_out_of_range))
      return fail(400, "bad chunk size", "hexadecimal digits");
    if (error == std::errc::result_out_of_range || left_ > max_bytes_ - std::min(max_bytes_, body.size()))
      return fail(413, "body too long", "less");
    part_ = left_ == 0 ? Part::trailer : Part::data;
  }
  line_.clear();
}

std::size_t BodyReader::push(std::string_view bytes, std::string& body) {
  const auto size = bytes.size();
  if (kind_ == Head::Body::none) done_ = true;
  if (kind_ == Head::Body::length) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    body.append(bytes.substr(0, n));
    left_ -= n;
    done_ = left_ == 0;
    return n;
  }
  while (!done_ && !refusal_ && !bytes.empty()) {
    if (part_ == Part::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      body.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      left_ -= n;
      if (left_ == 0) part_ = Part::data_end;
      continue;
    }
    const auto feed = bytes.find('\n');
    const auto piece = bytes.substr(0, feed);
    if (line_.size() + piece.size() > (part_ == Part::trailer ? kMaxTrailer : kMaxLine)) {
      fail(400, "chunk's line too long", "a chunk size");
      break;
    }
    if (part_ == Part::trailer && (trailer_bytes_ += piece.size() + 1) > kMaxTrailer) {
      fail(400, "trailer too long", "at most 4 KiB");
      break;
    }
    line_.append(piece);
    bytes.remove_prefix(feed == std::string_view::npos ? bytes.size() : feed + 1);
    if (feed != std::string_view::npos) end_line(body);
  }
  return size - bytes.size();
}

}  // namespace mesura::http

// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How the virtual CT6 reads a request: HTTP/1.0 as a few lines of MicroPython do it (sheet, sections 4.1 and 4.5).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::ct6::twin {

struct HttpRequest {
  enum class Kind {
    get,
    other_verb,
    upload,
    malformed  ///< the handler throws: the connection ends without a reply
  };
  using Arguments = std::vector<std::pair<std::string, std::string>>;  ///< keys in lower case

  Kind kind = Kind::other_verb;
  std::string path;                           ///< get: in lower case, without arguments
  Arguments arguments;                        ///< get: behind the first '?', between commas
  std::string name, folder, sha256, content;  ///< upload

  [[nodiscard]] const std::string* argument(std::string_view key) const;
};

/// One connection: collects the bytes of its only request, however they are cut. What follows the request is ignored.
class HttpReader {
 public:
  /// The request when its last byte has come, once.
  std::optional<HttpRequest> feed(std::string_view bytes);

 private:
  std::optional<HttpRequest> first_line(std::string_view line);

  enum class Stage { line, headers, content, done };
  Stage stage_ = Stage::line;
  std::string buffer_;  ///< of an unfinished line, or the content so far
  std::size_t length_ = 0;
  HttpRequest request_;
};

/// Reads the target of a GET.
[[nodiscard]] HttpRequest read_target(std::string_view target);

/// `HTTP/1.0 200 OK` and its header line in front of `body`.
[[nodiscard]] std::string http_reply(std::string_view body);
/// The two headers, one behind the other, that a spoilt upload gets.
[[nodiscard]] std::string http_double_reply(std::string_view body);

}  // namespace mesura::ct6::twin

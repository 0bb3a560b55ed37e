// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A handler's Response, ready to be sent.
#pragma once

#include "http/compression.hpp"
#include "http/message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace mesura::http {

/// What the answer depends on besides the handler.
struct AnswerFacts {
  bool get = false;        ///< GET or HEAD
  bool head_only = false;  ///< HEAD
  bool http_1_0 = false;
  bool keep_alive = true;
  bool gzip = false;  ///< the client takes it
  bool cors = false;
  std::string if_none_match;
};

/// A long body on its way. Used by one worker at a time, and by nobody while none of them has it.
struct BodyStream {
  std::function<bool(std::string& out)> pull;
  std::optional<Gzip> gzip;
  bool chunked = true;
  bool ended = false;   ///< the last byte has been given
  bool failed = false;  ///< by an exception; `error` says which
  std::string error;

  /// The next part as it goes over the wire: at least `enough` bytes, or what there is after 50 ms, or until the end.
  /// Never throws.
  void produce(std::string& out, std::size_t enough);
};

struct Answer {
  int status = 200;
  bool keep_alive = true;
  std::string head;
  std::string body;
  std::shared_ptr<BodyStream> stream;
  std::function<void(std::string& out)> events;
  std::chrono::milliseconds interval{200};
  bool chunked = false;        ///< of events
  std::shared_ptr<void> slot;  ///< of stream or events
};

/// Compresses, tags and heads it: cheap for small bodies, 10 ms a MiB with gzip.
/// Never throws but std::bad_alloc.
[[nodiscard]] Answer make_answer(Response&& response, const AnswerFacts& facts);

/// Whether make_answer() takes longer than the server's own thread should give it.
[[nodiscard]] bool is_long_work(const Response& response, const AnswerFacts& facts);

/// Appends one chunk of a chunked body. Nothing for no data: that would end it.
void append_chunk(std::string& out, std::string_view data);

[[nodiscard]] const char* reason_of(int status);

}  // namespace mesura::http

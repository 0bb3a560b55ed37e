// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer.hpp"

#include <mesura/plugin.hpp>

#include <cstddef>
#include <memory>

namespace mesura::ct6 {

enum class Outcome : std::uint8_t {
  answer,    ///< a unit's values
  nothing,   ///< JSON `null`: no sample was taken
  question,  ///< "are you there": a collector's, perhaps our own
  refusal,   ///< {"ERROR": "..."}: the unit does not do what it was asked
  rejected   ///< none of these; a problem says why
};

/// Reads one message of a unit: an answer, an MQTT payload, or the body of /get_stats.
///
/// Keys may come in any order; one that is missing, unknown or of the wrong type costs itself. A message that is not
/// one JSON object in UTF-8 gives nothing.
///
/// problems  of the whole: not_utf8, not_json, not_an_object, truncated, bad_json, too_long, too_deep, foreign;
///           of one value: bad_value, missing_field;
///           remarks: duplicate_key, unknown_field, trailing_bytes, apostrophe, ayt_question, device_error, no_sample
/// cost      about a third of a simdjson walk for messages laid out like one before, else about that of one
/// memory    no allocation for a message without problems once its layout is known
class AnswerParser {
 public:
  struct Settings {
    std::size_t max_message = 65536;
    bool product_required = false;  ///< messages without PRODUCT_ID are foreign (UDP)
    bool repair = false;            ///< replies in which each ' has become " (HTTP)
    bool layouts = true;            ///< known layouts are tried first
  };

  explicit AnswerParser(Settings settings);
  ~AnswerParser();
  AnswerParser(const AnswerParser&) = delete;
  AnswerParser& operator=(const AnswerParser&) = delete;

  /// The views in `answer` hold until the next call. What is added to `problems` has offsets from the message's start.
  Outcome parse(Bytes message, Answer& answer, Problems& problems);

  /// Of the last parse: whether a known layout fitted.
  [[nodiscard]] bool fitted() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesura::ct6

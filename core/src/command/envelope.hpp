// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A command as programs send it over HTTP and MQTT.
#pragma once

#include "config/diagnostic.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::command {

/// {"arguments":{...},"dry_run":false,"confirm":"inverter"}; over MQTT also "command" and "id".
struct Envelope {
  std::string command;
  std::string id;                ///< of the caller's own making, at most kMostId bytes; or empty
  std::string arguments = "{}";  ///< JSON, for read_json
  bool dry_run = false;
  std::string confirm;  ///< the device's name, from who means a dangerous command; or empty
};
inline constexpr std::size_t kMostId = 200;

struct EnvelopeResult {
  Envelope envelope;  ///< as far as it could be read: an answer can name the id of what was wrong
  std::optional<config::Diagnostic> problem;
};

/// `named`: the message names the command, and may have an id. Nothing that is not known is taken; an empty text, where
/// it need not name the command, is one without arguments.
[[nodiscard]] EnvelopeResult read_envelope(std::string_view json, bool named);

/// All in one line, for those who have one: "code: message; expected ...; got ...; hint".
[[nodiscard]] std::string in_one_line(const config::Diagnostic& problem);

}  // namespace mesura::command

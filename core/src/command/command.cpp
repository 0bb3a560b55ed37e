// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/command.hpp"

namespace mesura::command {

Control control_from(std::string_view word) {
  if (word == "raw") return Control::raw;
  return word == "true" ? Control::on : Control::off;
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::done: return "done";
    case Status::plan: return "plan";
    case Status::refused: return "refused";
    case Status::invalid: return "invalid";
    case Status::mismatch: return "mismatch";
    case Status::unverified: return "unverified";
    case Status::timeout: return "timeout";
    case Status::unreachable: return "unreachable";
    case Status::cancelled: return "cancelled";
    case Status::unknown: return "unknown";
    case Status::arguments: return "arguments";
    case Status::forbidden: return "forbidden";
    case Status::unconfirmed: return "unconfirmed";
    case Status::busy: return "busy";
    case Status::unaudited: return "unaudited";
    case Status::failed: return "failed";
  }
  return "failed";
}

}  // namespace mesura::command

// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the doctor has found: one thing each, with its remedy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::doctor {

/// good     looked at, and as it should be
/// note     worth knowing; nothing is wrong
/// warning  works now, or works badly
/// error    does not work
enum class Severity : std::uint8_t { good, note, warning, error };
[[nodiscard]] std::string_view to_string(Severity severity);

/// Members may be empty except code, where and message. No secrets.
struct Finding {
  Severity severity = Severity::error;
  std::string code;   ///< stable, kebab-case: "doc-port-access"
  std::string where;  ///< "device grid: serial /dev/ttyUSB0"
  std::string message;
  std::string expected = {};
  std::string got = {};
  std::string remedy = {};                 ///< what to do, in words
  std::vector<std::string> commands = {};  ///< ready for a shell, in this order
};
using Findings = std::vector<Finding>;

/// How many are of this severity.
[[nodiscard]] std::size_t count(const Findings& findings, Severity severity);

/// The worst first; among equals, their order stays.
void sort(Findings& findings);

/// A text as one word of a shell's command: quoted where it needs to be.
[[nodiscard]] std::string shell_word(std::string_view text);

/// Takes an error message of ours apart: "WHAT: expected A, got B\n  hint  C" and "code: WHAT\n  hint      C".
void take_message(Finding& finding, std::string_view message);

}  // namespace mesura::doctor

// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Checks as somebody who is not root, and in namespaces of their own: in a child, whose findings come back.
#pragma once

#include "doctor/finding.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>

namespace mesura::doctor::test {

/// Runs `work` in a child process after `prepare`; nothing of it is left. Throws std::runtime_error with what `prepare`
/// or `work` threw.
[[nodiscard]] Findings in_child(const std::function<void()>& prepare, const std::function<Findings()>& work);

/// As user and group 65534, without other groups; where we are not root, as ourselves.
[[nodiscard]] Findings as_nobody(const std::function<Findings()>& work);

/// The finding with this code; throws, naming those that there are.
[[nodiscard]] inline const Finding& the(const Findings& findings, const std::string& code) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.code == code; });
  if (found != findings.end()) return *found;
  std::string all = "no finding " + code + " among:";
  for (const auto& f : findings) all += " " + f.code + " (" + f.message + ")";
  throw std::runtime_error(all);
}

[[nodiscard]] inline bool has(const Findings& findings, const std::string& code) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.code == code; });
}

}  // namespace mesura::doctor::test

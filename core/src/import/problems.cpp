// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/problems.hpp"

#include <utility>

namespace mesura::importing {

void Problems::add(std::string_view code, bool lost, std::string& where, std::string& what) {
  auto found = reasons_.find(code);
  if (found == reasons_.end()) found = reasons_.emplace(std::string{code}, Reason{}).first;
  Reason& reason = found->second;
  ++reason.count;
  reason.lost = reason.lost || lost;
  if (lost) ++lost_;
  if (reason.samples.size() < keep_) reason.samples.push_back({std::move(where), std::move(what)});
}

}  // namespace mesura::importing

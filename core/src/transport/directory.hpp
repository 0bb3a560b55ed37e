// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <system_error>

namespace mesura::transport {

/// Calls `visit` with the path of each entry. What vanishes meanwhile, or may not be read, ends the visit: nothing is
/// thrown, unlike from a range-for over the iterator.
template <class Visit>
void for_each_entry(const std::filesystem::path& directory, Visit&& visit) {
  std::error_code error;
  std::filesystem::directory_iterator entry{directory, error};
  while (!error && entry != std::filesystem::directory_iterator{}) {
    visit(entry->path());
    entry.increment(error);
  }
}

}  // namespace mesura::transport

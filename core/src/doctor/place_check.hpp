// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "doctor/finding.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mesura::doctor {

/// A file or directory that the service writes.
struct Place {
  std::string where;  ///< "sink local"
  std::filesystem::path path;
  bool directory = true;  ///< else a file, whose directory must exist
  bool made = true;       ///< a missing directory is made
};

/// State, captures, log file and the sinks that write files.
[[nodiscard]] std::vector<Place> places_of(const config::Configuration& configuration);

/// A file that is read: a recording, a certificate.
void check_file(const std::string& where, const std::filesystem::path& file, Findings& out);

struct Room {
  std::uint64_t free_bytes = 0;  ///< for those who are not root
  std::uint64_t total_bytes = 0;
  std::uint64_t free_files = 0;
  std::uint64_t total_files = 0;  ///< 0: this file system does not count them
  bool read_only = false;
};

/// What is to be said about so much room; `where` names whose it is.
void judge_room(const Room& room, const std::string& where, const std::string& path, Findings& out);

/// Whether each place can be written by this user, and has room; each file system once.
void check_places(const std::vector<Place>& places, Findings& out);

}  // namespace mesura::doctor

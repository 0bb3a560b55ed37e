// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "measured.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace mesura::bench {

double cpu_seconds(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  std::istringstream fields{text.substr(text.rfind(')') + 2)};
  std::string skip;
  for (int i = 0; i < 11; ++i) fields >> skip;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double resident_mb(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(in, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  return 0;
}

std::uint64_t bytes_written(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/io"};
  for (std::string line; std::getline(in, line);)
    if (line.rfind("wchar:", 0) == 0) return std::stoull(line.substr(6));
  return 0;
}

}  // namespace mesura::bench

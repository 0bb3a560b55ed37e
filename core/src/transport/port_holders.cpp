// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/port_holders.hpp"

#include "transport/directory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>
#include <system_error>

namespace mesura::transport {
namespace {

namespace fs = std::filesystem;

/// 0: not the name of a process's directory.
int pid_of(const std::string& name) {
  int pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end == name.data() + name.size() ? pid : 0;
}

std::string first_line(const fs::path& file) {
  std::string line;
  std::ifstream in{file};
  std::getline(in, line);
  return line;
}

using ByPid = std::map<int, PortHolder>;

PortHolder& holder(ByPid& all, int pid) {
  auto& found = all[pid];
  found.pid = pid;
  return found;
}

/// The number of a pseudo-terminal's master that this descriptor is, or -1.
int master_number(const fs::path& process, const fs::path& fd) {
  std::ifstream in{process / "fdinfo" / fd.filename()};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("tty-index:")) return std::atoi(line.c_str() + 10);
  return -1;
}

void add_open(ByPid& all, const std::string& device, const std::string& root) {
  constexpr std::string_view kPty = "/dev/pts/";
  const int number = device.starts_with(kPty) ? std::atoi(device.c_str() + kPty.size()) : -1;
  for_each_entry(root + "/proc", [&](const fs::path& process) {
    const int pid = pid_of(process.filename());
    if (pid == 0) return;
    int descriptors = 0;
    bool far_end = false;
    for_each_entry(process / "fd", [&](const fs::path& fd) {
      std::error_code ignored;
      const fs::path target = fs::read_symlink(fd, ignored);
      if (target == device) ++descriptors;
      if (number >= 0 && target.filename() == "ptmx") far_end = far_end || master_number(process, fd) == number;
    });
    if (descriptors == 0) return;
    auto& found = holder(all, pid);
    found.descriptors = descriptors;
    found.far_end = far_end;
  });
}

/// "1: FLOCK  ADVISORY  WRITE 1234 00:06:345 0 EOF": everybody may read whose lock it is, also of whom he may not look
/// into.
void add_flocks(ByPid& all, const std::string& device, const std::string& root) {
  struct stat status {};
  if (::stat(device.c_str(), &status) != 0) return;
  const std::string place = fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
  std::ifstream in{root + "/proc/locks"};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line};
    std::string number, type, advisory, mode, pid, where;
    words >> number >> type;
    if (type == "->") continue;  // waits for the one before
    words >> advisory >> mode >> pid >> where;
    if (const int found = pid_of(pid); where == place && found > 0) holder(all, found).lock = "flock";
  }
}

/// What minicom, pppd and old modem programs leave: a file with the pid.
void add_lock_file(ByPid& all, const std::string& device, const std::string& root) {
  const std::string file = "/run/lock/LCK.." + fs::path{device}.filename().string();
  std::string text = first_line(root + file);
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  const int pid = pid_of(text.substr(0, text.find(' ')));
  // A crash leaves the file behind.
  if (pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM)) holder(all, pid).lock = file;
}

}  // namespace

std::string PortHolder::text() const {
  return program.empty() ? fmt::format("pid {}", pid) : fmt::format("pid {} ({})", pid, program);
}

std::vector<PortHolder> port_holders(const std::string& device, const std::string& root) {
  ByPid all;
  add_open(all, device, root);
  add_flocks(all, device, root);
  add_lock_file(all, device, root);
  std::vector<PortHolder> out;
  for (auto& [pid, found] : all) {
    found.program = first_line(fmt::format("{}/proc/{}/comm", root, pid));
    out.push_back(std::move(found));
  }
  return out;
}

int find_process(const std::string& program, const std::string& root) {
  int found = 0;
  for_each_entry(root + "/proc", [&](const fs::path& process) {
    const int pid = pid_of(process.filename());
    if (pid != 0 && found == 0 && first_line(process / "comm") == program) found = pid;
  });
  return found;
}

}  // namespace mesura::transport

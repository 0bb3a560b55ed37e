// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/tests/unprivileged.hpp"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <sstream>
#include <system_error>
#include <vector>

namespace mesura::doctor::test {
namespace {

constexpr uid_t kNobody = 65534;
constexpr char kField = '\x1f', kRecord = '\x1e';

void require(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::system_category(), what);
}

std::string packed(const Findings& findings) {
  std::string out;
  for (const auto& f : findings) {
    out += std::to_string(static_cast<int>(f.severity));
    for (const auto* part : {&f.code, &f.where, &f.message, &f.expected, &f.got, &f.remedy}) out += kField + *part;
    for (const auto& command : f.commands) out += kField + command;
    out += kRecord;
  }
  return out;
}

Findings unpacked(const std::string& text) {
  Findings out;
  std::istringstream records{text};
  for (std::string record; std::getline(records, record, kRecord);) {
    std::vector<std::string> fields(1);
    for (const char c : record)
      if (c == kField)
        fields.emplace_back();
      else
        fields.back() += c;
    Finding f{static_cast<Severity>(std::stoi(fields.at(0))),
              fields.at(1),
              fields.at(2),
              fields.at(3),
              fields.at(4),
              fields.at(5),
              fields.at(6)};
    f.commands.assign(fields.begin() + 7, fields.end());
    out.push_back(std::move(f));
  }
  return out;
}

}  // namespace

Findings in_child(const std::function<void()>& prepare, const std::function<Findings()>& work) {
  std::array<int, 2> pipe{};
  require(::pipe(pipe.data()) == 0, "pipe");
  const pid_t child = ::fork();
  require(child >= 0, "fork");
  if (child == 0) {
    ::close(pipe[0]);
    std::string out;
    int code = 0;
    try {
      prepare();
      out = packed(work());
    } catch (const std::exception& e) {
      out = e.what();
      code = 1;
    }
    std::size_t at = 0;
    while (at < out.size()) {
      const auto n = ::write(pipe[1], out.data() + at, out.size() - at);
      if (n <= 0) break;
      at += static_cast<std::size_t>(n);
    }
    ::_exit(code);
  }
  ::close(pipe[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(pipe[0], buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("in the child: " + text);
  return unpacked(text);
}

Findings as_nobody(const std::function<Findings()>& work) {
  if (::geteuid() != 0) return work();
  return in_child(
      [] {
        require(::setgroups(0, nullptr) == 0, "setgroups");
        require(::setresgid(kNobody, kNobody, kNobody) == 0, "setresgid");
        require(::setresuid(kNobody, kNobody, kNobody) == 0, "setresuid");
      },
      work);
}

}  // namespace mesura::doctor::test

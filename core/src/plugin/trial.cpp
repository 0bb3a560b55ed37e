// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin/trial.hpp"

#include "config/text.hpp"
#include "plugin/library.hpp"
#include "runtime/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

namespace mesura::plugin {
namespace {

using Clock = std::chrono::steady_clock;

/// The child's exit status when it got through, which a plugin's own exit() won't hit by chance.
constexpr int kSurvived = 117;

constexpr std::string_view kTellAuthor =
    "remove the plugin, and tell its author: nothing may happen before its session is made";

[[noreturn]] void child(const std::filesystem::path& file, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  // A handler of the host would run in the child's name.
  for (const int signal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV}) ::signal(signal, SIG_DFL);
  static_cast<void>(open_library(file));
  ::_exit(kSurvived);
}

/// Appends what there is to read; only the end of it is kept.
void drain(int fd, std::string& text) {
  std::array<char, 4096> buffer;
  for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > buffer.size()) text.erase(0, text.size() - buffer.size());
  }
}

std::string last_line(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(" \t\n") + 1);
  if (const auto line = text.rfind('\n'); line != text.npos) text.remove_prefix(line + 1);
  if (const auto first = text.find_first_not_of(' '); first != text.npos) text.remove_prefix(first);
  return text.empty() ? std::string{} : fmt::format(", its last words: {}", config::quote(text));
}

}  // namespace

std::optional<Refusal> try_in_child(const std::filesystem::path& file, std::chrono::milliseconds patience) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error(errno, std::system_category(), "cannot make a pipe");
  const runtime::UniqueFd output{ends[0]};
  runtime::UniqueFd child_output{ends[1]};
  std::fflush(nullptr);  // a library that calls exit() would write what waits in our streams a second time
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::system_category(), "cannot fork");
  if (pid == 0) child(file, child_output.get());
  child_output.reset();
  // glibc 2.36 declares pidfd_open without extern "C".
  const runtime::UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};

  const auto deadline = Clock::now() + patience;
  std::string text;
  std::array<pollfd, 2> wait{{{process.get(), POLLIN, 0}, {output.get(), POLLIN, 0}}};
  bool late = false;
  while (wait[0].revents == 0 && !late) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    late = left.count() <= 0 || ::poll(wait.data(), wait.size(), static_cast<int>(left.count())) == 0;
    if (wait[1].revents != 0) drain(output.get(), text);
    if ((wait[1].revents & POLLHUP) != 0) wait[1].fd = -1;
  }
  if (late) ::kill(pid, SIGKILL);
  int status = 0;
  pid_t waited = 0;
  do waited = ::waitpid(pid, &status, 0);
  while (waited < 0 && errno == EINTR);
  drain(output.get(), text);

  if (late)
    return Refusal{
        "plg-hang",
        fmt::format("does not come back within {} ms when it is loaded{}", patience.count(), last_line(text)),
        std::string{kTellAuthor}};
  if (waited == pid && WIFEXITED(status) && WEXITSTATUS(status) == kSurvived) return std::nullopt;
  const auto end = WIFSIGNALED(status)
                       ? fmt::format("killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)))
                       : fmt::format("exit status {}", WEXITSTATUS(status));
  return Refusal{"plg-crash", fmt::format("ends the process when it is loaded: {}{}", end, last_line(text)),
                 std::string{kTellAuthor}};
}

}  // namespace mesura::plugin

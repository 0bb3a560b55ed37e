// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/exec/child.hpp"

#include <mesura/sink.hpp>

#include "sinks/pipes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace mesura::sinks::exec {
namespace {

using runtime::UniqueFd;

// A second of a thousand values fits: the child gets it while it still works at the one before.
constexpr int kPipeBytes = 1024 * 1024;
constexpr std::chrono::seconds kLastWait{5};

[[noreturn]] void fail(const Command& command, std::string_view what, int error) {
  throw SinkError(fmt::format("sink-exec-start: '{}' cannot be started: {}: {}", printable(command.argv.front()), what,
                              std::generic_category().message(error)));
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// Our ends close by themselves in other children, and have numbers above 2: dup2 in the child would otherwise close one
// that it still needs.
Pipe make_pipe(const Command& command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(command, "making a pipe", errno);
  Pipe pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
  for (UniqueFd* end : {&pipe.read, &pipe.write}) {
    if (end->get() > STDERR_FILENO) continue;
    UniqueFd higher{::fcntl(end->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
    if (!higher) fail(command, "making a pipe", errno);
    *end = std::move(higher);
  }
  return pipe;
}

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto name = text.substr(0, text.find('='));
    const auto same = [&](const auto& e) { return e.first == name; };
    if (std::none_of(command.environment.begin(), command.environment.end(), same)) all.emplace_back(text);
  }
  for (const auto& [name, value] : command.environment) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// What the child tells about a failure before exec.
struct Failure {
  int error = 0;
  bool directory = false;
};

struct Start {
  char* const* argv;
  char* const* environment;
  const char* directory;  // or null
  int in, out, err, failure;
  pid_t parent;
};

// Between fork and exec only what is async-signal-safe: other threads may have held any lock.
[[noreturn]] void become(const Start& start) {
  Failure failure;
  // The thread's end, not only the process's: nothing would read this child's answers then.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != start.parent) ::_exit(127);
  ::setpgid(0, 0);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &usual, nullptr);
  if (start.directory != nullptr && ::chdir(start.directory) != 0) {
    failure = {errno, true};
  } else if (::dup2(start.in, STDIN_FILENO) >= 0 && ::dup2(start.out, STDOUT_FILENO) >= 0 &&
             ::dup2(start.err, STDERR_FILENO) >= 0) {
    // A library may have opened something without O_CLOEXEC. A kernel before 5.11 leaves it open.
    static_cast<void>(::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC));
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvpe(start.argv[0], start.argv, start.environment);
    failure = {errno, false};
  } else {
    failure = {errno, false};
  }
  static_cast<void>(!::write(start.failure, &failure, sizeof failure));
  ::_exit(127);
}

}  // namespace

Child::Child(const Command& command) {
  if (command.argv.empty()) throw SinkError("sink-exec-start: the command is empty");
  Pipe in = make_pipe(command);
  Pipe out = make_pipe(command);
  Pipe err = make_pipe(command);
  Pipe failed = make_pipe(command);  // closed by a successful exec
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> variables = environment_of(command);
  const auto argv = pointers(arguments);
  const auto environment = pointers(variables);
  const Start start{
      argv.data(),        environment.data(), command.directory.empty() ? nullptr : command.directory.c_str(),
      in.read.get(),      out.write.get(),    err.write.get(),
      failed.write.get(), ::getpid()};
  // No handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  const int error = errno;
  if (pid_ == 0) become(start);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) fail(command, "fork", error);
  ::setpgid(pid_, pid_);  // here as well: whoever comes second finds it done
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));

  failed.write.reset();
  Failure failure;
  ssize_t n = 0;
  do n = ::read(failed.read.get(), &failure, sizeof failure);
  while (n < 0 && errno == EINTR);
  const bool started = n != static_cast<ssize_t>(sizeof failure);
  if (!started || !pidfd_) {
    const int why = started ? errno : failure.error;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    fail(command, !started && failure.directory ? "going to directory " + command.directory.string() : "exec", why);
  }
  in_ = std::move(in.write);
  out_ = std::move(out.read);
  err_ = std::move(err.read);
  for (const int fd : {in_.get(), out_.get()}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  static_cast<void>(::fcntl(in_.get(), F_SETPIPE_SZ, kPipeBytes));  // beyond the user's share it stays as it is
}

Child::~Child() {
  if (pid_ < 0) return;
  signal(SIGKILL);
  // One that hangs in the kernel dies when that lets go of it; until we end it stays a zombie then.
  if (!wait(std::chrono::steady_clock::now() + kLastWait)) return;
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool Child::wait(SteadyTime deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd event{pidfd_.get(), POLLIN, 0};
    const int n = ::poll(&event, 1, static_cast<int>(std::clamp<decltype(left)>(left, 0, 60'000)));
    if (n > 0) return true;
    if (left <= 0) return false;
  }
}

void Child::signal(int number) const { ::kill(-pid_, number); }

std::optional<Child::End> Child::end() const {
  siginfo_t info{};
  // WNOWAIT: as long as it is not reaped, its number is not given to another.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
    return std::nullopt;
  if (info.si_code == CLD_EXITED) return End{fmt::format("status {}", info.si_status), info.si_status};
  return End{fmt::format("signal {} ({})", info.si_status, ::strsignal(info.si_status)), -1};
}

}  // namespace mesura::sinks::exec

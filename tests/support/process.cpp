// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace mesura::test {
namespace {

[[noreturn]] void fail(const std::string& what, int error = errno) {
  throw std::system_error(error, std::system_category(), what);
}

/// Closes on the way out.
struct Fd {
  int number = -1;
  Fd() = default;
  explicit Fd(int fd) : number(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : number(std::exchange(other.number, -1)) {}
  Fd& operator=(Fd&&) = delete;
  void reset() {
    if (number >= 0) ::close(std::exchange(number, -1));
  }
};

struct Pipe {
  Fd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("cannot make a pipe");
  return {Fd{ends[0]}, Fd{ends[1]}};
}

/// A file in memory: a child can read it at its own pace, and nobody waits for it.
Fd input_file(std::string_view text) {
  Fd file{::memfd_create("stdin", MFD_CLOEXEC)};
  if (file.number < 0) fail("cannot make a file in memory");
  while (!text.empty()) {
    const auto n = ::write(file.number, text.data(), text.size());
    if (n < 0) fail("cannot write a file in memory");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  ::lseek(file.number, 0, SEEK_SET);
  return file;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text{*entry};
    if (!more.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Process::Process(Command command) : name_(command.argv.at(0)) {
  auto out = make_pipe();
  auto err = make_pipe();
  auto failure = make_pipe();  // closed by a successful exec, else it carries errno
  auto typed = command.interactive ? make_pipe() : Pipe{input_file(command.input), Fd{}};
  auto environment = environment_with(command.environment);
  const auto argv = pointers(command.argv);
  const auto envp = pointers(environment);
  const pid_t parent = ::getpid();

  pid_ = ::fork();
  if (pid_ < 0) fail("cannot fork");
  if (pid_ == 0) {
    // Only async-signal-safe calls from here: other threads of the test may have held any lock.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if ((command.directory.empty() || ::chdir(command.directory.c_str()) == 0) &&
        ::dup2(typed.read.number, STDIN_FILENO) >= 0 && ::dup2(out.write.number, STDOUT_FILENO) >= 0 &&
        ::dup2(err.write.number, STDERR_FILENO) >= 0)
      ::execvpe(argv[0], argv.data(), envp.data());
    const int error = errno;
    static_cast<void>(!::write(failure.write.number, &error, sizeof error));
    ::_exit(127);
  }
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  input_ = std::exchange(typed.write.number, -1);
  out.write.reset();
  err.write.reset();
  failure.write.reset();
  int error = 0;
  if (::read(failure.read.number, &error, sizeof error) == sizeof error) {
    ::waitpid(pid_, nullptr, 0);
    ::close(pidfd_);
    if (input_ >= 0) ::close(input_);
    fail("cannot start " + name_, error);
  }
  collector_ = std::thread{[this, o = std::move(out.read), e = std::move(err.read)] { collect(o.number, e.number); }};
}

Process::~Process() {
  signal(SIGKILL);
  collector_.join();
  ::close(pidfd_);
  if (input_ >= 0) ::close(input_);
}

void Process::write(std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(input_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(name_ + " reads no more");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Process::collect(int out, int err) {
  for (const int fd : {out, err}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  std::array<pollfd, 3> wait{{{pidfd_, POLLIN, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}}};
  const auto drain = [&](std::size_t i) {
    std::array<char, 16384> buffer;
    for (ssize_t n = 0; (n = ::read(wait[i].fd, buffer.data(), buffer.size())) > 0;)
      add(i == 2, {buffer.data(), static_cast<std::size_t>(n)});
  };
  while (wait[0].revents == 0) {
    ::poll(wait.data(), wait.size(), -1);
    for (const std::size_t i : {1U, 2U}) {
      if (wait[i].fd >= 0 && wait[i].revents != 0) drain(i);
      if ((wait[i].revents & POLLHUP) != 0) wait[i].fd = -1;
    }
  }
  // What it wrote last may have come between the two; a grandchild may hold the pipes open, so their end isn't waited
  // for.
  for (const std::size_t i : {1U, 2U})
    if (wait[i].fd >= 0) drain(i);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  const std::lock_guard lock{mutex_};
  for (const bool error : {false, true})
    if (!partial_[error].empty()) lines_.push_back({error, std::exchange(partial_[error], {})});
  exit_ = WIFEXITED(status) ? Exit{WEXITSTATUS(status), 0} : Exit{-1, WTERMSIG(status)};
  changed_.notify_all();
}

void Process::add(bool error, std::string_view bytes) {
  const std::lock_guard lock{mutex_};
  auto& partial = partial_[error];
  for (auto end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n')) {
    partial += bytes.substr(0, end);
    lines_.push_back({error, std::exchange(partial, {})});
    bytes.remove_prefix(end + 1);
  }
  partial += bytes;
  changed_.notify_all();
}

std::string Process::wait_for_line(std::string_view part, std::chrono::milliseconds patience) {
  try {
    return wait_for_line([&](const Line& line) { return line.text.find(part) != std::string::npos; }, patience);
  } catch (const std::runtime_error& e) {
    throw std::runtime_error("no line with '" + std::string{part} + "': " + e.what());
  }
}

std::string Process::wait_for_line(const std::function<bool(const Line&)>& wanted, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::unique_lock lock{mutex_};
  for (;;) {
    for (; next_ < lines_.size(); ++next_)
      if (wanted(lines_[next_])) return lines_[next_++].text;
    if (exit_) give_up("it ended");
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && next_ == lines_.size() && !exit_)
      give_up("nothing came in time");
  }
}

void Process::signal(int number) { ::syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0); }

Exit Process::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock{mutex_};
  if (!changed_.wait_for(lock, patience, [&] { return exit_.has_value(); })) give_up("it did not end in time");
  return *exit_;
}

Exit Process::stop(std::chrono::milliseconds patience) {
  signal(SIGTERM);
  return wait(patience);
}

bool Process::running() const {
  const std::lock_guard lock{mutex_};
  return !exit_;
}

std::vector<Line> Process::lines() const {
  const std::lock_guard lock{mutex_};
  return lines_;
}

std::size_t Process::count_lines(std::string_view part) const {
  const std::lock_guard lock{mutex_};
  return static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(),
                                                [&](const Line& l) { return l.text.find(part) != std::string::npos; }));
}

std::string Process::joined(bool error) const {
  const std::lock_guard lock{mutex_};
  std::string text;
  for (const auto& line : lines_)
    if (line.error == error) text += line.text + "\n";
  return text;
}

void Process::give_up(std::string_view what) const {
  auto message = name_ + ": " + std::string{what};
  if (exit_)
    message += exit_->signal != 0 ? " by signal " + std::to_string(exit_->signal)
                                  : " with status " + std::to_string(exit_->code);
  message += "; it said\n";
  for (const auto& line : lines_) message += (line.error ? "  err| " : "  out| ") + line.text + "\n";
  throw std::runtime_error(message);
}

Finished run(Command command, std::chrono::milliseconds patience) {
  Process process{std::move(command)};
  const auto exit = process.wait(patience);
  return {exit, process.out(), process.err()};
}

}  // namespace mesura::test

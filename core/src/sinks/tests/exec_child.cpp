// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The program behind the exec sink in its tests: `exec_child STORE [MISBEHAVIOUR]`.
//
// It keeps every line in STORE once, by series and time, and answers after fdatasync. The file is locked, its torn end
// cut off. Exit status 75: somebody else has it; 1: anything else, said on stderr.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

namespace {

using namespace std::chrono_literals;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

void say(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n <= 0) std::exit(1);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

[[noreturn]] void hang() {
  for (;;) ::pause();
}

class Store {
 public:
  explicit Store(std::string path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) fail("cannot open " + path_);
    // One that was killed lets go of it in a moment.
    for (int i = 0; ::flock(fd_, LOCK_EX | LOCK_NB) != 0; ++i) {
      if (i == 30) {
        std::fprintf(stderr, "%s is locked\n", path_.c_str());
        std::exit(75);
      }
      std::this_thread::sleep_for(10ms);
    }
    std::string text;
    char part[65536];
    for (ssize_t n = 0; (n = ::read(fd_, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
    size_ = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail("cannot cut " + path_);
    for (std::size_t at = 0; at < size_;) {
      const auto end = text.find('\n', at);
      remember(std::string_view{text}.substr(at, end - at));
      at = end + 1;
    }
  }

  void add(std::string_view line) {
    if (!remember(line)) return;
    fresh_ += line;
    fresh_ += '\n';
  }

  void sync() {
    std::string_view left = fresh_;
    std::uint64_t at = size_;
    while (!left.empty()) {
      const ssize_t n = ::pwrite(fd_, left.data(), left.size(), static_cast<off_t>(at));
      if (n < 0) {
        const int error = errno;
        static_cast<void>(!::ftruncate(fd_, static_cast<off_t>(size_)));
        errno = error;
        fail("cannot write " + path_);
      }
      at += static_cast<std::uint64_t>(n);
      left.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fdatasync(fd_) != 0) fail("cannot sync " + path_);
    size_ = at;
    fresh_.clear();
  }

 private:
  // Series and time are the line up to where our time of receipt begins; false when the same was there.
  bool remember(std::string_view line) {
    const auto key = line.substr(0, line.find(R"(,"received":")"));
    const auto [at, added] = lines_.try_emplace(std::string{key}, line);
    if (!added && at->second == line) return false;
    at->second = line;
    return true;
  }

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::string fresh_;
  std::unordered_map<std::string, std::string> lines_;
};

void tell_open_files() {
  for (int fd = 3; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) std::fprintf(stderr, "open: %d\n", fd);
  }
  std::fprintf(stderr, "told\n");
}

// Of those that do not even read.
void before_reading(std::string_view how) {
  if (how == "never-read") hang();
  if (how == "stay") ::signal(SIGTERM, SIG_IGN);
  if (how == "exit-at-once") std::exit(3);
  if (how == "close-stdin") {
    ::close(STDIN_FILENO);
    hang();
  }
  if (how == "close-stdout") {
    ::close(STDOUT_FILENO);
    hang();
  }
  if (how == "tell-files") tell_open_files();
  if (how == "grandchild") {
    const pid_t pid = ::fork();
    if (pid == 0) hang();
    std::fprintf(stderr, "grandchild %d\n", static_cast<int>(pid));
  }
  if (how == "shout") {
    for (int i = 0; i < 100'000; ++i) std::fprintf(stderr, "line %d \x1b[31m of many\n", i);
  }
}

// Answers at the first line, in place of the right one.
void misbehave(std::string_view how) {
  if (how == "garbage") say("hello\n");
  if (how == "beyond") say("1000000\n");
  if (how == "exit") {
    std::fprintf(stderr, "the far end said: go away\n");
    std::exit(3);
  }
  if (how == "die") ::kill(::getpid(), SIGKILL);
  if (how == "flood-numbers") {
    for (;;) say("0\n0\n0\n0\n0\n0\n0\n0\n");
  }
  if (how == "flood") {
    const std::string much(65536, 'x');
    for (;;) say(much);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string_view how = argc > 2 ? argv[2] : "";
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error like a full disk
  before_reading(how);
  Store store{argv[1]};
  std::string text;
  std::string answer;
  std::uint64_t lines = 0;
  char part[65536];
  for (ssize_t n = 0; (n = ::read(STDIN_FILENO, part, sizeof part)) > 0;) {
    text.append(part, static_cast<std::size_t>(n));
    std::size_t at = 0;
    for (auto end = text.find('\n'); end != std::string::npos; at = end + 1, end = text.find('\n', at)) {
      const std::string_view line = std::string_view{text}.substr(at, end - at);
      ++lines;
      misbehave(how);
      if (how == "reject-bad" && line.find("bad") != std::string_view::npos) {
        answer += "reject " + std::to_string(lines) + " no \x1b such meter\n";
        continue;
      }
      if (how == "third-dies" && lines == 3) ::kill(::getpid(), SIGKILL);
      store.add(line);
      if (how == "third-dies") {
        store.sync();
        say(std::to_string(lines) + "\n");
      }
    }
    text.erase(0, at);
    store.sync();
    if (how == "third-dies" || how == "silent") continue;
    say(answer + std::to_string(lines) + "\n");
    answer.clear();
  }
  if (how == "stay") hang();
  return 0;
}

// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// What the tests of transports share: a loop, a listener that records, options, the other end of a line.
#pragma once

#include "config/reader.hpp"
#include "runtime/unique_fd.hpp"
#include "transport/transport.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mesura::transport::test {

using namespace std::chrono_literals;

/// Calls run_once until `done`; false after 20 s, which no healthy run reaches.
bool until(runtime::EventLoop& loop, const std::function<bool()>& done);

/// Writes down what a transport says; fails the test when it speaks inside a call to it, or out of turn.
class Recorder final : public Listener {
 public:
  void on_open() override;
  void on_bytes(Bytes bytes, const Meta& meta) override;
  void on_peer(std::string_view peer, bool joined) override;
  void on_closed(const Reason& reason, bool final) override;

  /// Runs a call to the transport, in which nothing may be said.
  template <class F>
  auto calling(F&& f) {
    struct Inside {
      bool& flag;
      explicit Inside(bool& b) : flag(b) { flag = true; }
      ~Inside() { flag = false; }
    } const inside{inside_};
    return f();
  }
  [[nodiscard]] bool ended() const { return closed > 0; }
  void forbid_more() { forbidden_ = true; }

  int opened = 0;
  int closed = 0;
  bool final = false;
  Reason reason;
  std::string bytes;
  std::vector<std::pair<std::string, std::string>> by_peer;  ///< in the order of coming
  std::vector<std::pair<std::string, bool>> peers;           ///< who came (true) and went
  std::vector<std::int64_t> times;
  std::function<void()> then_on_open;
  std::function<void()> then_on_bytes;
  std::function<void(std::string_view peer, bool joined)> then_on_peer;
  bool single_stream = true;  ///< offsets must run on from call to call

 private:
  void speak(const char* what) const;
  bool inside_ = false;
  bool forbidden_ = false;
};

using Pairs = std::vector<std::pair<std::string, config::Value>>;
/// Options of a kind: `given`, unchecked, and the schema's defaults.
config::Value options(const Kind& kind, const Pairs& given);
std::unique_ptr<Transport> make(std::string_view kind, const Pairs& given, const Context& context);
inline config::Value value(const char* text) { return config::Value{std::string{text}}; }
inline config::Value value(const std::string& text) { return config::Value{text}; }
inline config::Value value(int number) { return config::Value{std::int64_t{number}}; }

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
/// Bytes that show it when one is lost, doubled or swapped.
std::string pattern(std::size_t size);

/// What can be read now without waiting; empty also at the end.
std::string read_now(int fd);
/// Writes as much as is taken now.
std::size_t write_now(int fd, std::string_view bytes);

/// A raw pseudo-terminal, its device side held by nobody.
struct RawPty {
  runtime::UniqueFd master;
  std::string device;
};
RawPty make_pty();

/// A socket bound to `host` (an address) and any free port; listening if it is a stream.
runtime::UniqueFd make_server(const char* host, int type);
std::uint16_t port_of(int fd);
/// Connected to the address at the end of a transport's description.
runtime::UniqueFd connect_to(const std::string& description, int type);

/// Connected to a socket in the file system, on which messages stay messages.
runtime::UniqueFd connect_unix(const std::string& path);

int open_descriptors();

/// What every test starts from; SystemClock or ManualClock.
template <class ClockType>
struct BasicFixture {
  ClockType clock;
  runtime::EventLoop loop{clock};
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  std::vector<std::string> logged;  ///< "level code message"
  Context context{loop, runtime::Logger{log, "test"}};

  BasicFixture() {
    log->add_output([this](const runtime::LogRecord& r) {
      logged.push_back(std::string{to_string(r.level)} + " " + std::string{r.code} + " " + std::string{r.message});
    });
  }
  /// Dispatches until nothing is left to do now.
  void drain() {
    while (loop.run_once(0ns)) {
    }
  }
  void advance(std::chrono::nanoseconds by) {
    clock.advance(by.count());
    drain();
  }
};
using Fixture = BasicFixture<runtime::SystemClock>;
using ManualFixture = BasicFixture<runtime::ManualClock>;

}  // namespace mesura::transport::test

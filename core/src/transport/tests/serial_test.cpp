// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "support/catch.hpp"
#include "transport/serial_port.hpp"
#include "transport/terminal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <csignal>

namespace mesura::transport::test {
namespace {

using runtime::UniqueFd;

/// A pty as it comes: cooked, with echo, at another speed.
RawPty make_cooked_pty() {
  auto pty = make_pty();
  termios settings{};
  REQUIRE(::tcgetattr(pty.master.get(), &settings) == 0);
  settings.c_lflag |= ECHO | ICANON | ISIG;
  settings.c_iflag |= ICRNL | IXON;
  settings.c_oflag |= OPOST | ONLCR;
  REQUIRE(::tcsetattr(pty.master.get(), TCSANOW, &settings) == 0);
  return pty;
}

int baud_at(const RawPty& pty) {
  termios settings{};
  REQUIRE(::tcgetattr(pty.master.get(), &settings) == 0);
  return baud_of(::cfgetospeed(&settings));
}

/// Reads until `size` bytes have come: the kernel takes a moment to carry them through a pty.
std::string hear(ManualFixture& f, const UniqueFd& fd, std::size_t size) {
  std::string heard;
  REQUIRE(until(f.loop, [&] { return (heard += read_now(fd.get())).size() >= size; }));
  return heard;
}

void open(ManualFixture& f, Transport& transport, Recorder& recorder) {
  transport.open(recorder);
  f.drain();
  INFO(recorder.reason.message);
  REQUIRE(recorder.opened == 1);
}

}  // namespace

TEST_CASE("serial: the port is raw at the rate asked for") {
  ManualFixture f;
  const auto pty = make_cooked_pty();
  Recorder recorder;
  const auto transport = make("serial", {{"path", value(pty.device)}, {"baud", value(2400)}}, f.context);
  open(f, *transport, recorder);
  CHECK(baud_at(pty) == 2400);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(write_now(pty.master.get(), all) == 256);
  REQUIRE(until(f.loop, [&] { return recorder.bytes.size() >= all.size(); }));
  CHECK(recorder.bytes == all);
  CHECK(transport->send(as_bytes(all), {}));
  CHECK(hear(f, pty.master, all.size()) == all);
  CHECK_FALSE(transport->set_lines(1, 1));  // a pty has none
}

TEST_CASE("serial: 7E1 strips the parity bit and adds it") {
  ManualFixture f;
  const auto pty = make_pty();
  Recorder recorder;
  const auto transport = make("serial", {{"path", value(pty.device)}, {"format", value("7E1")}}, f.context);
  open(f, *transport, recorder);
  CHECK(write_now(pty.master.get(), "\xAFK\xCC") == 3);  // "/KL" with even parity
  REQUIRE(until(f.loop, [&] { return recorder.bytes.size() >= 3; }));
  CHECK(recorder.bytes == "/KL");
  CHECK(transport->send(as_bytes("/KL"), {}));
  CHECK(hear(f, pty.master, 3) == "\xAFK\xCC");
}

TEST_CASE("serial: a locked port names its holder") {
  ManualFixture f;
  const auto pty = make_pty();
  std::array<int, 2> ready{};
  REQUIRE(::pipe2(ready.data(), O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open(pty.device.c_str(), O_RDWR | O_NOCTTY);
    const bool locked = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    [[maybe_unused]] const auto n = ::write(ready[1], locked ? "1" : "0", 1);
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  CHECK(answer == '1');
  ::close(ready[0]);
  ::close(ready[1]);

  Recorder recorder;
  const auto transport = make("serial", {{"path", value(pty.device)}}, f.context);
  transport->open(recorder);
  f.drain();
  CHECK(recorder.reason.code == "locked");
  CHECK(recorder.reason.message.find("pid " + std::to_string(child) + " (transport_test)") != std::string::npos);

  Recorder careless;
  const auto unlocked = make("serial", {{"path", value(pty.device)}, {"lock", config::Value{false}}}, f.context);
  open(f, *unlocked, careless);

  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  Recorder again;
  const auto next = make("serial", {{"path", value(pty.device)}}, f.context);
  open(f, *next, again);
  Recorder second;
  const auto another = make("serial", {{"path", value(pty.device)}}, f.context);
  another->open(second);
  f.drain();
  CHECK(second.reason.message.find("this process, for another device") != std::string::npos);
}

TEST_CASE("serial: what cannot be opened says why") {
  const TempDir dir;
  const auto refused = [&](const std::string& path, int baud) {
    ManualFixture f;
    Recorder recorder;
    const auto transport = make("serial", {{"path", value(path)}, {"baud", value(baud)}}, f.context);
    transport->open(recorder);
    f.drain();
    CHECK(recorder.closed == 1);
    CHECK_FALSE(recorder.final);
    CHECK(recorder.reason.code == "open-failed");
    return recorder.reason.message;
  };
  CHECK(refused(dir.file("none"), 9600).find("expected a serial port, got No such file or directory") !=
        std::string::npos);
  const auto pty = make_pty();
  CHECK(refused(pty.device, 12345).find("expected 12345 baud, got Invalid argument") != std::string::npos);
  // Through libserialport, which wants a port.
  CHECK(refused("/dev/null", 9600).find("serial /dev/null: expected") == 0);
}

TEST_CASE("serial: a link to the port is followed anew at each opening") {
  ManualFixture f;
  const TempDir dir;
  const auto pty = make_pty();
  std::filesystem::create_symlink(pty.device, dir.file("a"));
  std::filesystem::create_symlink(dir.file("a"), dir.file("b"));
  Recorder recorder;
  const auto transport = make("serial", {{"path", value(dir.file("b"))}}, f.context);
  open(f, *transport, recorder);
  CHECK(write_now(pty.master.get(), "x") == 1);
  REQUIRE(until(f.loop, [&] { return !recorder.bytes.empty(); }));
  CHECK(recorder.bytes == "x");
  CHECK(transport->describe() == "serial " + dir.file("b"));
}

TEST_CASE("serial: the rate is tried out until the bytes make sense, and remembered") {
  ManualFixture f;
  const TempDir dir;
  Recorder meter_side;
  const auto meter = make("pty", {{"path", value(dir.file("p1"))}, {"baud", value(9600)}}, f.context);
  open(f, *meter, meter_side);

  Recorder recorder;
  auto reader = make("serial", {{"path", value(dir.file("p1"))}, {"baud", value("auto")}}, f.context);
  open(f, *reader, recorder);
  CHECK(meter->send(as_bytes("/KFM5"), {}));
  REQUIRE(until(f.loop, [&] { return recorder.bytes.size() >= 5; }));
  CHECK(recorder.bytes != "/KFM5");  // 115200, as most meters have it
  f.advance(12s);
  recorder.bytes.clear();
  recorder.single_stream = false;
  CHECK(meter->send(as_bytes("/KFM5"), {}));
  REQUIRE(until(f.loop, [&] { return recorder.bytes.size() >= 5; }));
  CHECK(recorder.bytes == "/KFM5");
  reader->confirm();
  f.advance(60s);
  CHECK(meter->send(as_bytes("!"), {}));
  REQUIRE(until(f.loop, [&] { return recorder.bytes.size() >= 6; }));
  CHECK(recorder.bytes == "/KFM5!");
  CHECK(f.logged == std::vector<std::string>{"info tra-baud serial " + dir.file("p1") +
                                             ": 9600 baud is right; `baud: 9600` saves trying"});

  reader.reset();
  Recorder later;
  reader = make("serial", {{"path", value(dir.file("p1"))}, {"baud", value("auto")}}, f.context);
  open(f, *reader, later);
  CHECK(meter->send(as_bytes("/KFM5"), {}));
  REQUIRE(until(f.loop, [&] { return later.bytes.size() >= 5; }));
  CHECK(later.bytes == "/KFM5");
}

TEST_CASE("serial: unconfirmed, the rates go round") {
  ManualFixture f;
  const auto pty = make_pty();
  Recorder recorder;
  const auto transport = make("serial", {{"path", value(pty.device)}, {"baud", value("auto")}}, f.context);
  open(f, *transport, recorder);
  for (const int baud : {115200, 9600, 115200, 9600}) {
    CHECK(baud_at(pty) == baud);
    f.advance(12s);
  }
}

TEST_CASE("pty: what is sent while nobody has the port open is lost, as on a wire") {
  ManualFixture f;
  const TempDir dir;
  Recorder recorder;
  const auto transport = make("pty", {{"path", value(dir.file("port"))}}, f.context);
  open(f, *transport, recorder);
  CHECK(transport->send(as_bytes("nobody hears"), {}));
  const auto open_port = [&] {
    return UniqueFd{::open(dir.file("port").c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
  };
  {
    const auto reader = open_port();
    CHECK(read_now(reader.get()).empty());
    CHECK(transport->send(as_bytes("heard"), {}));
    CHECK(hear(f, reader, 5) == "heard");
    CHECK(write_now(reader.get(), "answer") == 6);  // a program that writes and goes
  }
  REQUIRE(until(f.loop, [&] { return recorder.bytes.size() >= 6; }));
  CHECK(recorder.bytes == "answer");
  const auto path = dir.file("port");
  REQUIRE(until(f.loop, [&] { return recorder.peers.size() == 2; }));
  CHECK(recorder.peers == std::vector{std::pair{path, true}, std::pair{path, false}});
  CHECK(transport->send(as_bytes("nobody again"), {}));
  f.drain();
  CHECK_FALSE(f.loop.run_once(0ns));
  const auto reader = open_port();
  CHECK(read_now(reader.get()).empty());
  CHECK_FALSE(recorder.ended());
}

TEST_CASE("pty: its link replaces a killed predecessor's, nothing else, and goes with it") {
  ManualFixture f;
  const TempDir dir;
  std::filesystem::create_symlink("/dev/pts/9999", dir.file("stale"));
  Recorder first;
  auto transport = make("pty", {{"path", value(dir.file("stale"))}}, f.context);
  open(f, *transport, first);
  CHECK(std::filesystem::is_character_file(dir.file("stale")));
  transport->close();
  CHECK_FALSE(std::filesystem::is_symlink(dir.file("stale")));

  for (const char* name : {"file", "link"}) {
    if (std::string_view{name} == "file") {
      std::filesystem::create_directory(dir.file(name));
    } else {
      std::filesystem::create_symlink("/etc/passwd", dir.file(name));
    }
    Recorder refused;
    transport = make("pty", {{"path", value(dir.file(name))}}, f.context);
    transport->open(refused);
    f.drain();
    CHECK(refused.reason.code == "open-failed");
    CHECK(refused.reason.message.find("File exists") != std::string::npos);
    transport.reset();
    CHECK(std::filesystem::exists(std::filesystem::symlink_status(dir.file(name))));
  }
}

TEST_CASE("file: what cannot be read is final") {
  ManualFixture f;
  const TempDir dir;
  const auto refused = [&](const std::string& path) {
    Recorder recorder;
    const auto transport = make("file", {{"path", value(path)}}, f.context);
    transport->open(recorder);
    f.drain();
    CHECK(recorder.final);
    return recorder.reason.message;
  };
  CHECK(refused(dir.file("none")).find("got No such file or directory") != std::string::npos);
  CHECK(refused(dir.path.string()).find("got Is a directory") != std::string::npos);
  CHECK(refused("/dev/null").find("read to its end") != std::string::npos);
}

TEST_CASE("file: a long one leaves others their turn") {
  ManualFixture f;
  Recorder recorder;
  const auto transport = make("file", {{"path", value("/dev/zero")}}, f.context);
  int others = 0;
  std::function<void()> tick = [&] {
    ++others;
    f.loop.after(0ns, tick);
  };
  f.loop.after(0ns, tick);
  transport->open(recorder);
  for (int i = 0; i < 20; ++i) f.loop.run_once(0ns);
  CHECK(recorder.bytes.size() >= 15 * 65536);
  CHECK(others == 20);
}

}  // namespace mesura::transport::test

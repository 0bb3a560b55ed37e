// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// The way that real ports go, through libserialport.
#include "fake_port.hpp"
#include "fixture.hpp"
#include "support/catch.hpp"
#include "transport/serial_port.hpp"
#include "transport/terminal.hpp"

#include <sys/ioctl.h>

namespace mesura::transport::test {
namespace {

struct FakePort {
  RawPty pty = make_pty();
  FakePort() { lead_fake_port_to(pty.device); }

  [[nodiscard]] termios settings() const {
    termios out{};
    REQUIRE(::tcgetattr(pty.master.get(), &out) == 0);
    return out;
  }
};

}  // namespace

TEST_CASE("libserialport: the port is raw, 8N1, without flow control, at its rate, with its lines") {
  const FakePort port;
  auto cooked = port.settings();
  cooked.c_lflag |= ECHO | ICANON | ISIG;
  cooked.c_iflag |= ICRNL | IXON | IXOFF;
  cooked.c_oflag |= OPOST | ONLCR;
  REQUIRE(::tcsetattr(port.pty.master.get(), TCSANOW, &cooked) == 0);

  Reason reason;
  const auto opened = open_serial_port(kFakePort, {.baud = 2400, .rts = 1, .dtr = 0, .lock = true}, reason);
  INFO(reason.message);
  REQUIRE(opened);
  const auto raw = port.settings();
  CHECK((raw.c_lflag & (ECHO | ICANON | ISIG)) == 0);
  CHECK((raw.c_iflag & (ICRNL | IXON | IXOFF)) == 0);
  CHECK((raw.c_oflag & OPOST) == 0);
  CHECK((raw.c_cflag & (CSIZE | CSTOPB | PARENB)) == CS8);
  CHECK(baud_of(::cfgetospeed(&raw)) == 2400);
  CHECK(fake_lines() == TIOCM_RTS);
  CHECK(opened->set_lines(0, 1));
  CHECK(fake_lines() == TIOCM_DTR);
  CHECK(opened->set_lines(-1, -1));
  CHECK(fake_lines() == TIOCM_DTR);
  CHECK(opened->set_baud(115200));
  const auto faster = port.settings();
  CHECK(baud_of(::cfgetospeed(&faster)) == 115200);

  Reason second;
  CHECK_FALSE(open_serial_port(kFakePort, {.baud = 2400, .rts = 1, .dtr = 1, .lock = true}, second));
  CHECK(second.code == "locked");
  CHECK(fake_lines() == TIOCM_DTR);  // untouched by who was refused
}

TEST_CASE("libserialport: bytes go both ways, silence is no end, unplugging is") {
  Fixture f;
  FakePort port;
  int before = open_descriptors();
  {
    Recorder recorder;
    const auto transport = make("serial", {{"path", value(kFakePort)}, {"rts", value("leave")}}, f.context);
    transport->open(recorder);
    REQUIRE(until(f.loop, [&] { return recorder.opened + recorder.closed > 0; }));
    INFO(recorder.reason.message);
    REQUIRE(recorder.opened == 1);
    CHECK(fake_lines() == TIOCM_DTR);
    CHECK(transport->set_lines(1, 0));
    CHECK(fake_lines() == TIOCM_RTS);
    CHECK(write_now(port.pty.master.get(), "/KFM5") == 5);
    REQUIRE(until(f.loop, [&] { return recorder.bytes == "/KFM5"; }));
    CHECK(transport->send(as_bytes("QPIGS"), {}));
    std::string heard;
    REQUIRE(until(f.loop, [&] { return (heard += read_now(port.pty.master.get())).size() >= 5; }));
    CHECK(heard == "QPIGS");
    for (int i = 0; i < 5; ++i) f.loop.run_once(1ms);
    CHECK_FALSE(recorder.ended());
    port.pty.master.reset();
    --before;
    REQUIRE(until(f.loop, [&] { return recorder.ended(); }));
    CHECK(recorder.reason.code == "vanished");
    CHECK_FALSE(f.loop.run_once(0ns));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("libserialport: its refusals become reasons") {
  lead_fake_port_to("/dev/null");
  Reason reason;
  CHECK_FALSE(open_serial_port(kFakePort, {.baud = 9600, .rts = 1, .dtr = 1, .lock = false}, reason));
  CHECK(reason.code == "open-failed");
  CHECK(reason.message.find("serial /dev/ttyMESURA: expected to open, got Inappropriate ioctl for device") == 0);
}

}  // namespace mesura::transport::test

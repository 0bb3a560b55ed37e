// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/port_check.hpp"
#include "doctor/port_guess.hpp"
#include "doctor/tests/unprivileged.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "transport/port_holders.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <fstream>

using namespace mesura;
using namespace mesura::doctor;
using namespace mesura::doctor::test;
using mesura::test::contains;
using mesura::test::Process;
using mesura::test::TempDir;

namespace {

/// A pseudo-terminal with nobody at its far end.
struct Pty {
  Pty() : master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(master >= 0);
    REQUIRE(::grantpt(master) == 0);
    REQUIRE(::unlockpt(master) == 0);
    std::array<char, 64> buffer{};
    REQUIRE(::ptsname_r(master, buffer.data(), buffer.size()) == 0);
    name = buffer.data();
  }
  ~Pty() { ::close(master); }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;
  int master;
  std::string name;
};

System machine(const std::string& root = "") {
  System system;
  system.root = root;
  system.person = {"peter", false};
  return system;
}

Findings serial(const std::string& path, int service = 0, const std::string& root = "") {
  Findings out;
  const System system = machine(root);
  (void)check_serial({system, service, out}, "device grid", path);
  return out;
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream{path} << text;
}

transport::Port port(const char* kind, const char* usb_id, const char* description = "", const char* maker = "") {
  transport::Port p;
  p.kind = kind;
  p.node = p.path = kind == std::string{"hid"} ? "/dev/hidraw0" : "/dev/ttyUSB0";
  p.usb_id = usb_id;
  p.description = description;
  p.maker = maker;
  return p;
}

}  // namespace

TEST_CASE("a free port is good, and one that another process has open is told with pid and program") {
  const Pty pty;
  CHECK(the(serial(pty.name), "doc-port").severity == Severity::good);
  Process holder{{{"sh", "-c", "exec 3<>" + pty.name + "; echo open; read x"}, {}, {}, {}, true}};
  holder.wait_for_line("open");
  const auto held = serial(pty.name);
  CHECK(the(held, "doc-port-held").severity == Severity::error);
  CHECK_THAT(the(held, "doc-port-held").got, contains(fmt::format("pid {} (sh)", holder.pid())));
  CHECK_THAT(the(held, "doc-port-held").remedy, contains("stop that program"));
  CHECK(!has(held, "doc-port"));
  // The same process is our service: nothing is wrong.
  const auto ours = serial(pty.name, holder.pid());
  CHECK(the(ours, "doc-port").severity == Severity::good);
  CHECK(!has(ours, "doc-port-held"));
}

TEST_CASE("a lock tells who holds a port even of those that may not be looked into") {
  const Pty pty;
  Process holder{{{"flock", pty.name, "sh", "-c", "echo locked; read x"}, {}, {}, {}, true}};
  holder.wait_for_line("locked");
  const auto holders = transport::port_holders(pty.name);
  REQUIRE(!holders.empty());
  CHECK(std::any_of(holders.begin(), holders.end(), [&](const auto& h) { return h.lock == "flock"; }));
}

TEST_CASE("lock files of modem programs count while their process lives") {
  const TempDir dir;
  write(dir / "run/lock/LCK..ttyUSB7", fmt::format("{:10}\n", ::getpid()));
  std::filesystem::create_directories(dir / "proc");
  write(dir / "proc" / std::to_string(::getpid()) / "comm", "minicom\n");
  const auto holders = transport::port_holders("/dev/ttyUSB7", dir.path().string());
  REQUIRE(holders.size() == 1);
  CHECK(holders[0].text() == fmt::format("pid {} (minicom)", ::getpid()));
  CHECK(holders[0].lock == "/run/lock/LCK..ttyUSB7");
  write(dir / "run/lock/LCK..ttyUSB7", "      3999999\n");
  CHECK(transport::port_holders("/dev/ttyUSB7", dir.path().string()).empty());
}

TEST_CASE("a path that does not exist names those that do") {
  const TempDir dir;
  write(dir / "sys/class/tty/ttyUSB0/device/idVendor", "0403\n");
  write(dir / "sys/class/tty/ttyUSB0/device/idProduct", "6001\n");
  write(dir / "sys/class/tty/ttyUSB0/device/product", "P1 Converter Cable\n");
  write(dir / "dev/ttyUSB0", "");
  std::filesystem::create_directories(dir / "dev/serial/by-id");
  std::filesystem::create_symlink("../../ttyUSB0", dir / "dev/serial/by-id/usb-FTDI_P1_Converter_Cable-if00-port0");
  const auto found = serial("/dev/ttyUSB3", 0, dir.path().string());
  CHECK_THAT(the(found, "doc-port-missing").expected,
             contains("/dev/serial/by-id/usb-FTDI_P1_Converter_Cable-if00-port0"));
  CHECK_THAT(the(found, "doc-port-missing").message, contains("/dev/ttyUSB3 is not there"));
  const TempDir none;
  CHECK_THAT(the(serial("/dev/ttyUSB3", 0, none.path().string()), "doc-port-missing").remedy, contains("plugged in"));
}

TEST_CASE("a port without permission names the group to be in") {
  const Pty pty;
  REQUIRE(::chmod(pty.name.c_str(), 0600) == 0);
  if (::geteuid() != 0) {
    WARN("SKIPPED: only root can make a port that belongs to another");
    return;
  }
  REQUIRE(::chown(pty.name.c_str(), 0, 0) == 0);
  const auto closed = as_nobody([&] { return serial(pty.name); });
  CHECK(the(closed, "doc-port-access").severity == Severity::error);
  CHECK_THAT(the(closed, "doc-port-access").got, contains("mode 0600, owner 0, group root"));
  // As udev leaves serial adapters: root:dialout 0660.
  REQUIRE(::chown(pty.name.c_str(), 0, 20) == 0);
  REQUIRE(::chmod(pty.name.c_str(), 0660) == 0);
  const auto group = as_nobody([&] { return serial(pty.name); });
  CHECK(the(group, "doc-port-access").commands == std::vector<std::string>{"sudo usermod -aG dialout peter"});
}

TEST_CASE("a HID device without permission comes with the udev rule, ready to paste") {
  if (::geteuid() != 0) {
    WARN("SKIPPED: only root can make a device node");
    return;
  }
  const TempDir dir;
  write(dir / "sys/class/hidraw/hidraw0/device/uevent",
        "HID_ID=0003:00000665:00005161\nHID_NAME=INNO TECH USB to Serial\n");
  std::filesystem::create_directories(dir / "dev");
  // The node of /dev/null under another name.
  if (::mknod((dir / "dev/hidraw0").c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) {
    WARN("SKIPPED: no device node can be made here");
    return;
  }
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  const config::Value options{config::Value::Map{{"vendor", config::Value{std::string{"0665"}}},
                                                 {"product", config::Value{std::string{"5161"}}}}};
  const auto hid = [&] {
    Findings out;
    const System system = machine(dir.path().string());
    (void)check_hid({system, 0, out}, "device inverter", options);
    return out;
  };
  const auto found = as_nobody(hid);
  const auto& closed = the(found, "doc-port-access");
  REQUIRE(closed.commands.size() == 3);
  CHECK(
      closed.commands[0] ==
      R"(printf '%s\n' 'KERNEL=="hidraw*", ATTRS{idVendor}=="0665", ATTRS{idProduct}=="5161", GROUP="dialout", MODE="0660"' | sudo tee -a /etc/udev/rules.d/70-mesura.rules)");
  CHECK(closed.commands[1] == "sudo udevadm control --reload && sudo udevadm trigger");
  CHECK(closed.commands[2] == "sudo usermod -aG dialout peter");
  CHECK(the(hid(), "doc-port").severity == Severity::good);  // as root
  std::filesystem::remove_all(dir / "sys");
  CHECK_THAT(the(hid(), "doc-port-missing").message, contains("0665:5161"));
}

TEST_CASE("ModemManager is named before it takes a port") {
  const TempDir dir;
  write(dir / "proc/77/comm", "ModemManager\n");
  write(dir / "sys/class/tty/ttyUSB0/device/idVendor", "0403\n");
  write(dir / "sys/class/tty/ttyUSB0/device/idProduct", "6001\n");
  std::filesystem::create_directories(dir / "dev");
  if (::geteuid() != 0 || ::mknod((dir / "dev/ttyUSB0").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    WARN("SKIPPED: no device node can be made here");
    return;
  }
  const auto found = serial("/dev/ttyUSB0", 0, dir.path().string());
  CHECK(the(found, "doc-port-grabber").severity == Severity::warning);
  CHECK_THAT(the(found, "doc-port-grabber").commands.at(0), contains("ID_MM_DEVICE_IGNORE"));
}

TEST_CASE("what sits on a port is guessed by its names and numbers") {
  const auto first = [](const transport::Port& p) {
    const auto g = guess(p);
    return g.guesses.empty() ? "none:" + g.stranger
                             : g.guesses[0].plugin + (g.guesses[0].trust == Guess::Trust::likely ? "!" : "?");
  };
  CHECK(first(port("serial", "0403:6001", "P1 Converter Cable", "FTDI")) == "dsmr_p1!");
  CHECK(first(port("serial", "0403:6001", "FT232R USB UART", "FTDI")) == "dsmr_p1?");
  CHECK(first(port("serial", "067b:2303", "USB-Serial Controller")) == "axpert?");
  CHECK(first(port("serial", "1a86:7523", "USB Serial")) == "dsmr_p1?");
  CHECK(first(port("serial", "10c4:ea60", "CP2102 USB to UART Bridge Controller", "Silicon Labs")) == "smartmeter?");
  CHECK(first(port("serial", "303a:1001", "USB JTAG/serial debug unit", "Espressif")) == "smartmeter?");
  CHECK(first(port("hid", "0665:5161", "INNO TECH USB to Serial")) == "axpert!");
  CHECK(first(port("hid", "046d:c31c", "Logitech USB Keyboard")) == "none:");
  CHECK(first(port("serial", "10c4:ea60", "Sonoff Zigbee 3.0 USB Dongle Plus", "Silicon Labs")) ==
        "none:a Zigbee stick");
  CHECK(first(port("serial", "12d1:1506", "HUAWEI Mobile")) == "none:a modem");
  CHECK(first(port("serial", "", "")) == "none:");
  CHECK(guess(port("serial", "10c4:ea60")).guesses.at(1).plugin == "dsmr_p1");
  CHECK(guess(port("hid", "0665:5161")).guesses.at(0).address == "axpert+hid:/dev/hidraw0");
}

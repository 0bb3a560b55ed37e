// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "hid_rig.hpp"

#include "rig.hpp"
#include "support/catch.hpp"
#include "transport/unix_socket.hpp"

#include <stdlib.h>  // NOLINT: setenv
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace mesura::transport::test {

HidPeer::HidPeer(std::string path) : path_(std::move(path)) {
  int error = 0;
  server_ = listen_unix(path_, SOCK_SEQPACKET, error);
  INFO(path_ << " " << error);
  REQUIRE(server_);
}

HidPeer::~HidPeer() { unplug(); }

bool HidPeer::accept() {
  if (!server_) return false;
  runtime::UniqueFd fd{::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (fd) peer_ = std::move(fd);
  return static_cast<bool>(peer_);
}

bool HidPeer::say(std::string_view report) { return write_now(peer_.get(), report) == report.size(); }

std::string HidPeer::hear() {
  std::array<char, 256> report{};
  const ssize_t n = ::recv(peer_.get(), report.data(), report.size(), MSG_DONTWAIT);
  return n > 0 ? std::string{report.data(), static_cast<std::size_t>(n)} : std::string{};
}

void HidPeer::unplug() {
  if (server_) ::unlink(path_.c_str());
  server_.reset();
  peer_.reset();
}

void set_hid_devices(const std::vector<std::string>& items) {
  std::string all;
  for (const auto& item : items) all += (all.empty() ? "" : ":") + item;
  REQUIRE(::setenv("MESURA_HID_SOCKETS", all.c_str(), 1) == 0);
}

namespace {

class HidRig final : public Rig {
 public:
  HidRig() : peer_(dir_.file("hidraw0")) {
    stream = false;
    lingers = true;
    end_code = "vanished";
    set_hid_devices({peer_.path()});
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("hid", {{"vendor", value("0665")}, {"product", value("5161")}}, context);
  }
  void meet(Fixture& f, Transport&) override {
    REQUIRE(until(f.loop, [&] { return peer_.accept(); }));
  }
  /// Cut into reports: all bytes count, also those that are no full report.
  std::size_t say(std::string_view bytes) override {
    std::size_t said = 0;
    while (said < bytes.size() && peer_.say(bytes.substr(said, 8)))
      said += std::min<std::size_t>(8, bytes.size() - said);
    return said;
  }
  std::string hear() override {
    auto report = peer_.hear();
    return report.substr(0, report.find_last_not_of('\0') + 1);
  }
  void unplug() override { peer_.unplug(); }

 private:
  TempDir dir_;
  HidPeer peer_;
};

}  // namespace

std::unique_ptr<Rig> make_hid_rig() { return make_rig<HidRig>(); }

}  // namespace mesura::transport::test

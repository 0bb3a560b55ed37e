// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands over real connections: the session's requests through the transport `http`, to a virtual unit behind a
// listening socket.
#include <memory>
#include <string>

#include "command_rig.hpp"
#include "transport/tests/fixture.hpp"

using namespace mesura::ct6::test;
using mesura::test::contains;
namespace transport = mesura::transport;

namespace {

/// The unit's web server.
class Server final : public transport::Listener {
 public:
  explicit Server(transport::test::Fixture& f)
      : socket_(transport::test::make("tcp_listen", {{"listen", transport::test::value("127.0.0.1:0")}}, f.context)) {
    socket_->open(*this);
    REQUIRE(transport::test::until(f.loop, [&] { return open_; }));
  }
  /// "127.0.0.1:43210"
  [[nodiscard]] std::string address() const {
    const std::string description = socket_->describe();
    return description.substr(description.rfind(' ') + 1);
  }
  void serve(CommandRig& rig) {
    rig_ = &rig;
    rig.on_foreign_event = [this](const PluginEvent& event) {
      if (event.link != kHttp) return;
      if (event.kind == Kind::sent) socket_->send(transport::test::as_bytes(event.text), event.to);
      if (event.kind == Kind::dropped) socket_->drop(event.to);
    };
  }
  void on_open() override { open_ = true; }
  void on_bytes(transport::Bytes bytes, const transport::Meta& meta) override {
    rig_->unit.host.bytes(std::string{bytes.begin(), bytes.end()}, PluginHarness::From{std::string{meta.peer}, {}, 0},
                          kHttp);
  }
  void on_peer(std::string_view peer, bool joined) override { rig_->unit.host.peer(peer, joined, kHttp); }
  void on_closed(const transport::Reason& why, bool) override { FAIL_CHECK(why.message); }

 private:
  std::unique_ptr<transport::Transport> socket_;
  CommandRig* rig_ = nullptr;
  bool open_ = false;
};

/// The session's link.
class Client final : public transport::Listener {
 public:
  explicit Client(transport::test::Fixture& f) : link_(transport::test::make("http", {}, f.context)) {
    link_->open(*this);
    REQUIRE(transport::test::until(f.loop, [&] { return open_; }));
  }
  void serve(CommandRig& rig) {
    rig_ = &rig;
    rig.send_elsewhere = [this](std::string_view to, std::string_view bytes) {
      return link_->send(transport::test::as_bytes(bytes), to);
    };
  }
  void on_open() override { open_ = true; }
  void on_bytes(transport::Bytes bytes, const transport::Meta& meta) override {
    rig_->answer(meta.topic, meta.status, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void on_closed(const transport::Reason& why, bool) override { FAIL_CHECK(why.message); }

 private:
  std::unique_ptr<transport::Transport> link_;
  CommandRig* rig_ = nullptr;
  bool open_ = false;
};

struct Network {
  transport::test::Fixture f;
  Server server{f};
  Client client{f};
  CommandRig rig{{}, config()};

  Network() {
    server.serve(rig);
    client.serve(rig);
  }
  CommandRig::Config config() const {
    CommandRig::Config c;
    c.http = server.address();
    c.data = "mqtt";  // nothing else on the unit's line
    return c;
  }
  Ended run(std::string_view name, const PluginOptions& arguments = {}) {
    const auto id = rig.begin(name, arguments);
    REQUIRE(transport::test::until(f.loop, [&] {
      rig.advance(10ms);
      return rig.ended(id).status != -1;
    }));
    return rig.ended(id);
  }
};

}  // namespace

TEST_CASE("over sockets: questions, settings, files of any bytes, and one that arrives damaged") {
  Network net;
  CHECK(net.run("config").status == MESURA_REPLY_DONE);
  const Ended named = net.run("set_unit_name", PluginOptions{}.text("name", "Kitchen"));
  CHECK(named.json == R"({"setting":"unit_name","before":"Virtual_1","after":"Kitchen"})");
  std::string content;
  for (int i = 0; i < 50'000; ++i) content += static_cast<char>(i * 7 % 256);
  const auto upload = [&](std::string name) {
    return PluginOptions{}.text("content", content).text("name", std::move(name)).text("folder", "/data");
  };
  const Ended sent = net.run("put_file", upload("a.bin"));
  INFO(sent.message);
  CHECK(sent.status == MESURA_REPLY_DONE);
  CHECK(net.rig.has_file("/data/a.bin"));
  net.rig.fault("hash_mismatch", 3);
  const Ended damaged = net.run("put_file", upload("b.bin"));
  CHECK(damaged.status == MESURA_REPLY_MISMATCH);
  CHECK_THAT(damaged.message, contains("XFER ERROR"));
  CHECK(net.run("put_file", PluginOptions{}.text("content", "").text("name", "empty")).status == MESURA_REPLY_DONE);
}

TEST_CASE("over sockets: a unit that hangs up, and an upgrade with its restart") {
  Network net;
  net.rig.fault("http_drop", 1);
  const Ended dropped = net.run("files");
  CHECK(dropped.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(dropped.message, contains("ended the connection without a reply"));
  const Ended end = net.run("upgrade", PluginOptions{}.map("firmware", {{"app.mpy", "FIRMWARE_VERSION 3.2"},
                                                                        {"lib/x.mpy", std::string(20'000, '\0')}}));
  INFO(end.message);
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK(*at(net.rig.state(), "firmware").as<std::string>() == "3.2");
}

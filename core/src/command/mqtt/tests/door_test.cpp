// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The MQTT door between a real broker and a device that says yes.
#include "command/mqtt/door.hpp"

#include "command/mqtt/replies.hpp"
#include "config/plugin_schema.hpp"
#include "sinks/tests/mqtt_far_end.hpp"

#include <nlohmann/json.hpp>
#include <support/broker.hpp>
#include <support/catch.hpp>

#include <algorithm>
#include <future>
#include <mutex>
#include <thread>

using namespace mesura;
using namespace std::chrono_literals;
using nlohmann::json;
using sinks::test::Subscriber;

namespace {

constexpr std::string_view kSchema = R"(
plugin: bench
version: 1.0.0
summary: A bench
links: [{name: data, transports: [tcp]}]
commands:
  status: {help: "what it does", danger: read}
  set_voltage: {help: "sets it", arguments: {voltage: {type: number, min: 48, max: 58, required: true, help: "to what"}}}
  set_password: {help: "sets it", arguments: {password: {type: secret, required: true, help: "to what"}}}
  reset: {help: "starts anew", danger: dangerous, warning: "it forgets"}
  raw: {help: "as typed", danger: raw}
)";

/// A door on a loop of its own thread; its device is "inverter".
class House {
 public:
  explicit House(std::uint16_t port, std::vector<std::string> allow = {"inverter/*", "*/status"}) {
    config_.topic = "mesura/{device}/command";
    config_.reply = "mesura/{device}/reply";
    config_.allow = std::move(allow);
    config_.section = config::Value{
        config::Value::Map{{"url", config::Value{std::string{"mqtt://127.0.0.1:"} + std::to_string(port)}}}};
    log_->set_level(runtime::Level::debug);
    log_->add_output([this](const runtime::LogRecord& r) {
      const std::scoped_lock lock{mutex_};
      said_.push_back(std::string{r.code} + ": " + std::string{r.message});
    });
    thread_ = std::thread{[this] { loop_.run(); }};
    on_loop([this] {
      door_ = std::make_unique<command::mqtt::Door>(loop_, runtime::Logger{log_, "commands"}, backend(), config_,
                                                    command::mqtt::Door::Options{10ms, 100ms});
    });
  }
  ~House() {
    on_loop([this] { door_.reset(); });
    loop_.stop();
    thread_.join();
  }

  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  void wait_said(const std::string& code, std::ptrdiff_t times = 1) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (count(code) < times && std::chrono::steady_clock::now() < until) on_loop([] {});
    REQUIRE(count(code) >= times);
  }
  [[nodiscard]] std::ptrdiff_t count(const std::string& code, const std::string& end = "") {
    const std::scoped_lock lock{mutex_};
    return std::count_if(said_.begin(), said_.end(),
                         [&](const auto& s) { return s.starts_with(code + ":") && s.ends_with(end); });
  }
  [[nodiscard]] std::vector<command::Request> asked() {
    std::vector<command::Request> copy;
    on_loop([&] { copy = asked_; });
    return copy;
  }

 private:
  collector::CommandBackend backend() {
    collector::CommandBackend backend;
    backend.controls = [this](const std::string& device) -> collector::Collector::Controls {
      if (device != "inverter") return {};
      return {&schema_, command::Control::on};
    };
    backend.submit = [this](const std::string& device, command::Request request, const command::OnResult& on_result,
                            const command::OnProgress&) -> collector::Collector::Ticket {
      command::Result result;
      result.device = device;
      result.command = request.command;
      const bool reset = request.command == "reset" && !request.confirmed;
      result.status = reset             ? command::Status::unconfirmed
                      : request.dry_run ? command::Status::plan
                                        : command::Status::done;
      if (!reset) result.json = R"({"before":1,"after":2})";
      result.wrote = result.status == command::Status::done && request.command != "status";
      asked_.push_back(std::move(request));
      loop_.post([on_result, result] { on_result(result); });
      return {device, asked_.size()};
    };
    backend.cancel = [](const collector::Collector::Ticket&) {};
    return backend;
  }

  config::PluginSchema schema_ = *config::parse_plugin_schema(kSchema, "bench.yaml").schema;
  config::MqttCommandsConfig config_;
  runtime::SystemClock clock_;
  runtime::EventLoop loop_{clock_};
  std::shared_ptr<runtime::Log> log_ = std::make_shared<runtime::Log>();
  std::mutex mutex_;
  std::vector<std::string> said_;
  std::vector<command::Request> asked_;
  std::unique_ptr<command::mqtt::Door> door_;
  std::thread thread_;
};

/// Asks, and waits for the next answer.
json ask(Subscriber& other, const std::string& device, const std::string& message) {
  other.forget();
  other.publish("mesura/" + device + "/command", message);
  const auto is_reply = [](const Subscriber::Message& m) { return m.topic.ends_with("/reply"); };
  std::string payload;
  other.wait([&](const std::vector<Subscriber::Message>& all) {
    const auto found = std::find_if(all.begin(), all.end(), is_reply);
    if (found == all.end()) return false;
    payload = found->payload;
    CHECK(found->topic == "mesura/" + device + "/reply");
    CHECK_FALSE(found->retained);
    return true;
  });
  return json::parse(payload);
}

}  // namespace

TEST_CASE("a command over MQTT is done when it is allowed, and answered whatever becomes of it", "[mqtt]") {
  const test::Broker broker;
  House house{broker.port(), {"inverter/*", "*/status", "meter/reset"}};
  house.wait_said("cmd-mqtt");
  Subscriber other{broker.port(), "mesura/#"};

  const json done = ask(other, "inverter", R"({"command":"set_voltage","arguments":{"voltage":53.5},"id":"a-1"})");
  CHECK(done["id"] == "a-1");
  CHECK(done["status"] == "done");
  CHECK(done["result"]["after"] == 2);
  auto asked = house.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].origin.via == "mqtt");
  CHECK(asked[0].origin.who == "mesura/inverter/command");
  CHECK(asked[0].arguments["voltage"].number() == 53.5);
  CHECK_FALSE(asked[0].confirmed);

  struct Case {
    const char* device;
    const char* message;
    const char* status;
  };
  const Case refused[] = {
      {"inverter", R"({"command":"set_voltage","arguments":{"voltage":60}})", "arguments"},
      {"inverter", R"({"command":"set_voltage"})", "arguments"},
      {"inverter", R"({"command":"set_volts"})", "unknown"},
      {"inverter", R"({"command":"raw","confirm":"inverter"})", "forbidden"},
      {"inverter", R"({"command":"status")", "arguments"},
      {"inverter", R"(["status"])", "arguments"},
      {"inverter", "status", "arguments"},
      {"inverter", R"({"arguments":{}})", "arguments"},
      {"inverter", R"({"command":"status","dry_run":"no"})", "arguments"},
      {"inverter", R"({"command":"status","id":7})", "arguments"},
      {"meter", R"({"command":"set_voltage","arguments":{"voltage":53}})", "forbidden"},
      {"meter", R"({"command":"status"})", "unknown"},
      {"meter", R"({"command":"reset"})", "unknown"},
  };
  for (const auto& c : refused) {
    INFO(c.message);
    const json answer = ask(other, c.device, c.message);
    CHECK(answer["status"] == c.status);
    CHECK_FALSE(answer["message"].get<std::string>().empty());
    CHECK(answer["wrote"] == false);
  }
  CHECK(house.asked().size() == 1);
  CHECK(ask(other, "inverter", R"({"id":"b","command":"status","nonsense":1})")["id"] == "b");
  CHECK(ask(other, "inverter", std::string(300'000, ' '))["status"] == "arguments");
  // What is refused does not show a password.
  const json wrong = ask(other, "inverter", R"({"command":"set_password","arguments":{"password":"hunter2","x":1}})");
  CHECK(wrong.dump().find("hunter2") == std::string::npos);
  CHECK(ask(other, "inverter", R"({"command":"set_password","arguments":{"password":["hunter2"]}})")
            .dump()
            .find("hunter2") == std::string::npos);
  CHECK(ask(other, "inverter", R"({"command":"set_password","password":"hunter2")").dump().find("hunter2") ==
        std::string::npos);

  const json unconfirmed = ask(other, "inverter", R"({"command":"reset","confirm":"meter"})");
  CHECK(unconfirmed["status"] == "unconfirmed");
  CHECK(unconfirmed["hint"].get<std::string>().find(R"("confirm": "inverter")") != std::string::npos);
  CHECK(ask(other, "inverter", R"({"command":"reset","confirm":"inverter"})")["status"] == "done");
  CHECK(ask(other, "inverter", R"({"command":"status","dry_run":true})")["status"] == "plan");
  CHECK(house.count("cmd-mqtt-forbidden") == 1);
}

TEST_CASE("what the broker has kept is not done, and told once", "[mqtt]") {
  test::Broker broker;
  Subscriber other{broker.port(), "mesura/#"};
  other.publish("mesura/inverter/command", R"({"command":"reset","confirm":"inverter"})", true);
  (void)other.everything();
  House house{broker.port()};
  house.wait_said("cmd-mqtt-retained");
  CHECK(ask(other, "inverter", R"({"command":"status"})")["status"] == "done");
  CHECK(house.asked().size() == 1);
  CHECK(house.count("cmd-mqtt-retained") == 1);
}

TEST_CASE("a message that comes twice is done once and answered twice", "[mqtt]") {
  const test::Broker broker;
  House house{broker.port()};
  house.wait_said("cmd-mqtt");
  Subscriber other{broker.port(), "mesura/#"};
  const std::string message = R"({"command":"set_voltage","arguments":{"voltage":53.5},"id":"once"})";
  const json first = ask(other, "inverter", message);
  CHECK(ask(other, "inverter", message) == first);
  CHECK(house.asked().size() == 1);
  // What came to nothing may come again under its id.
  CHECK(ask(other, "inverter", R"({"command":"reset","id":"twice"})")["status"] == "unconfirmed");
  CHECK(ask(other, "inverter", R"({"command":"reset","id":"twice","confirm":"inverter"})")["status"] == "done");
  // Others may use the same id for another device, and without an id each message is one of its own.
  CHECK(ask(other, "meter", R"({"command":"status","id":"once"})")["status"] == "unknown");
  for (int i = 0; i < 2; ++i) CHECK(ask(other, "inverter", R"({"command":"status"})")["status"] == "done");
  CHECK(house.asked().size() == 5);
}

TEST_CASE("a broker that goes away is found again, told once", "[mqtt]") {
  test::Broker broker;
  House house{broker.port()};
  house.wait_said("cmd-mqtt");
  for (int round = 1; round <= 2; ++round) {
    const auto before = house.count("cmd-mqtt-away");
    broker.stop();
    house.wait_said("cmd-mqtt-away", before + 3);  // only the first of them is told to people
    broker.start();
    house.wait_said("cmd-mqtt", round + 1);
    CHECK(house.count("cmd-mqtt-away", "it is tried again") == round);
  }
  Subscriber other{broker.port(), "mesura/#"};
  CHECK(ask(other, "inverter", R"({"command":"status","id":"x"})")["id"] == "x");
}

TEST_CASE("what is remembered of commands is bounded", "[mqtt]") {
  command::mqtt::Done done;
  CHECK_FALSE(done.knows("a"));
  done.begin("a", 0);
  CHECK(done.knows("a"));
  CHECK(done.reply("a").empty());
  done.finish("a", "yes");
  CHECK(done.reply("a") == "yes");
  done.finish("a", std::string(command::mqtt::Done::kMostReply + 1, 'x'));
  CHECK(done.reply("a") == "yes");
  done.begin("b", command::mqtt::Done::kFor.count() + 1);
  CHECK_FALSE(done.knows("a"));
  for (std::size_t i = 0; i < command::mqtt::Done::kMost; ++i)
    done.begin(std::to_string(i), command::mqtt::Done::kFor.count() + 2);
  CHECK_FALSE(done.knows("b"));
  CHECK(done.knows("0"));
  done.forget("0");
  CHECK_FALSE(done.knows("0"));
}

TEST_CASE("an answer that is too long for a broker says where to have it", "[mqtt]") {
  command::Result result;
  result.device = "unit";
  result.command = "get_file";
  result.bytes.assign(1 << 20, 'x');
  const json answer = json::parse(command::mqtt::reply_json(result, "7"));
  CHECK(answer["status"] == "done");
  CHECK(answer["id"] == "7");
  CHECK_FALSE(answer.contains("content"));
  CHECK(answer["hint"].get<std::string>().find("HTTP") != std::string::npos);
  result.bytes = "short";
  CHECK(json::parse(command::mqtt::reply_json(result, ""))["content"]["base64"] == "c2hvcnQ=");
}

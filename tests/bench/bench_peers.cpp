// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The same values through collectd and through Mesura's queue and sink, in one run, in turns; medians. The clock stops
// when the last of them is visible to somebody else: lines in files, messages at a subscriber.
//
// collectd gets them as text through its socket, Mesura as batches in memory: what a plugin's decoder costs is not in
// this. Mesura has the program's defaults: a write every second or every 1000 batches, a spool, fdatasync for CSV,
// except that a full queue makes the producer wait.
#include "pipeline/sink_queue.hpp"
#include "sinks/csv/csv_sink.hpp"
#include "sinks/mqtt/mqtt_sink.hpp"

#include <support/broker.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <fmt/format.h>
#include <mosquitto.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace mesura;
using mesura::test::Broker;
using mesura::test::Process;
using mesura::test::TempDir;

namespace {

constexpr std::size_t kColumns = 36;
constexpr std::size_t kBatches = 5556;
constexpr std::size_t kValues = kBatches * kColumns;  // 200 016
constexpr std::size_t kPipelined = 50;                // commands to collectd before its answers are read
constexpr std::int64_t kStart = 1'781'438'400;        // s
constexpr std::chrono::seconds kStalled{10};          // without anything new
constexpr std::chrono::milliseconds kLook{10};        // between two looks: 1 % of the shortest span measured here
using Clock = std::chrono::steady_clock;

void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

/// The same values as batches and as commands of collectd.
struct Data {
  SeriesTable series;
  std::vector<BatchPtr> batches;
  struct Burst {
    std::string text;
    std::size_t commands = 0;
  };
  std::vector<Burst> commands;

  Data() {
    std::vector<std::uint32_t> ids;
    for (std::size_t c = 0; c < kColumns; ++c) {
      SeriesInfo info;
      info.device = "cupboard";
      info.channel = fmt::format("ct{}", c);
      info.quantity = "active_power";
      info.unit = "W";
      info.flat_name = fmt::format("ct{}_active_power_w", c);
      info.decimals = 3;
      ids.push_back(series.add(std::move(info)));
    }
    std::uint64_t random = 88172645463325252U;
    for (std::size_t r = 0; r < kBatches; ++r) {
      const std::int64_t time = kStart + static_cast<std::int64_t>(r);
      auto batch = std::make_shared<Batch>();
      batch->device = "cupboard";
      batch->time_ns = batch->received_ns = time * 1'000'000'000;
      for (std::size_t c = 0; c < kColumns; ++c) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        Measurement m{};
        m.time_ns = batch->time_ns;
        m.series = ids[c];
        m.number = static_cast<double>(random % 9'000'000) / 1000.0;
        batch->items.push_back(m);
        if (commands.empty() || commands.back().commands == kPipelined) commands.emplace_back();
        commands.back().text +=
            fmt::format("PUTVAL house/cupboard/gauge-ct{} interval=1 {}:{:.3f}\n", c, time, m.number);
        ++commands.back().commands;
      }
      batches.push_back(std::move(batch));
    }
  }
};

struct Seen {
  std::size_t number = 0;
  Clock::time_point at;  ///< when the last of them was seen
};

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

/// Asks for a number until it is `wanted`, or stands still.
Seen watch(const std::function<std::size_t()>& number, std::size_t wanted) {
  for (Seen seen{0, Clock::now()};;) {
    const std::size_t n = number();
    if (n != seen.number) seen = {n, Clock::now()};
    if (n >= wanted || Clock::now() - seen.at > kStalled) return seen;
  }
}

/// Lines of all files below a directory, without the header of each. Reads only what is new.
class LineCount {
 public:
  explicit LineCount(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::size_t operator()() {
    // A look now and then costs the measured programs less than to be told of each write.
    std::this_thread::sleep_for(kLook);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_))
      if (entry.is_regular_file()) count(entry.path());
    return lines_;
  }

 private:
  void count(const std::filesystem::path& path) {
    auto [at, fresh] = files_.try_emplace(path.string());
    if (fresh) at->second.open(path, std::ios::binary);
    std::ifstream& in = at->second;
    in.clear();
    std::array<char, 65536> buffer;
    do {
      in.read(buffer.data(), buffer.size());
      const auto end = buffer.begin() + in.gcount();
      auto found = static_cast<std::size_t>(std::count(buffer.begin(), end, '\n'));
      if (found > 0 && headers_.emplace(path.string(), true).second) --found;
      lines_ += found;
    } while (in);
  }

  std::filesystem::path directory_;
  std::map<std::string, std::ifstream> files_;
  std::map<std::string, bool> headers_;  // whose header has been seen
  std::size_t lines_ = 0;
};

/// Counts the messages of a topic, QoS 0, on a thread of its own.
class Subscriber {
 public:
  Subscriber(std::uint16_t port, std::string topic)
      : topic_(std::move(topic)), client_(::mosquitto_new(nullptr, true, this)) {
    check(client_ != nullptr, "mosquitto_new");
    ::mosquitto_connect_callback_set(client_, [](mosquitto* client, void* self, int) {
      ::mosquitto_subscribe(client, nullptr, static_cast<Subscriber*>(self)->topic_.c_str(), 0);
    });
    ::mosquitto_subscribe_callback_set(
        client_, [](mosquitto*, void* self, int, int, const int*) { static_cast<Subscriber*>(self)->ready(); });
    ::mosquitto_message_callback_set(
        client_, [](mosquitto*, void* self, const mosquitto_message*) { static_cast<Subscriber*>(self)->add(); });
    check(::mosquitto_connect(client_, "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS, "no connection to the broker");
    check(::mosquitto_loop_start(client_) == MOSQ_ERR_SUCCESS, "mosquitto_loop_start");
    std::unique_lock lock{mutex_};
    check(changed_.wait_for(lock, kStalled, [this] { return subscribed_; }), "no answer to SUBSCRIBE");
  }
  ~Subscriber() {
    ::mosquitto_disconnect(client_);
    ::mosquitto_loop_stop(client_, false);
    ::mosquitto_destroy(client_);
  }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  Seen wait(std::size_t wanted) {
    return watch(
        [&] {
          std::unique_lock lock{mutex_};
          wanted_ = wanted;
          changed_.wait_for(lock, kLook, [&] { return messages_ >= wanted; });
          return messages_;
        },
        wanted);
  }

 private:
  void ready() {
    const std::lock_guard lock{mutex_};
    subscribed_ = true;
    changed_.notify_one();
  }
  void add() {
    const std::lock_guard lock{mutex_};
    if (++messages_ == wanted_) changed_.notify_one();
  }

  std::string topic_;
  mosquitto* client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool subscribed_ = false;
  std::size_t messages_ = 0;
  std::size_t wanted_ = 0;
};

/// Where collectd is, or nothing.
std::string find_collectd() {
  const char* path = std::getenv("PATH");
  std::string directories = fmt::format("{}:/usr/sbin", path == nullptr ? "" : path);
  for (std::size_t at = 0; at < directories.size();) {
    const std::size_t end = std::min(directories.find(':', at), directories.size());
    const std::string file = directories.substr(at, end - at) + "/collectd";
    if (::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return {};
}

/// A collectd of our own: nothing of the machine's configuration, two plugins, values come in through its socket.
class Collectd {
 public:
  Collectd(const std::string& program, const std::filesystem::path& dir, const std::string& output) {
    const std::string base = dir.string();
    std::ofstream{base + "/collectd.conf"} << fmt::format(
        "Hostname \"bench\"\nFQDNLookup false\nBaseDir \"{0}\"\nPIDFile \"{0}/pid\"\nInterval 1\nLoadPlugin unixsock\n"
        "<Plugin unixsock>\n  SocketFile \"{0}/socket\"\n  DeleteSocket true\n</Plugin>\n{1}",
        base, output);
    process_ = std::make_unique<Process>(test::Command{{program, "-f", "-C", base + "/collectd.conf"}});
    process_->wait_for_line("entering read-loop");
    connect(base + "/socket");
  }
  ~Collectd() {
    if (socket_ >= 0) ::close(socket_);
  }
  Collectd(const Collectd&) = delete;
  Collectd& operator=(const Collectd&) = delete;

  void feed(const Data& data) {
    std::array<char, 16384> buffer;
    for (const auto& burst : data.commands) {
      for (std::size_t sent = 0; sent < burst.text.size();) {
        const ssize_t n = ::send(socket_, burst.text.data() + sent, burst.text.size() - sent, MSG_NOSIGNAL);
        check(n > 0, "collectd takes no more:\n" + process_->err());
        sent += static_cast<std::size_t>(n);
      }
      for (std::size_t answers = 0; answers < burst.commands;) {
        const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), 0);
        check(n > 0, "collectd answers no more:\n" + process_->err());
        const std::string_view text{buffer.data(), static_cast<std::size_t>(n)};
        answers += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        check(text.find("\n-") == text.npos && text[0] != '-', fmt::format("collectd refuses: {}", text));
      }
    }
  }
  /// Ends it; values a second since `start`, of those that came: now and then it accepts some that never do.
  double done(const Seen& seen, Clock::time_point start, const char* what) {
    process_->stop();
    check(seen.number > kValues / 2,
          fmt::format("{}: only {} of {} came:\n{}", what, seen.number, kValues, process_->err()));
    if (seen.number < kValues) fmt::print("{}: {} of {} values never came\n", what, kValues - seen.number, kValues);
    return static_cast<double>(seen.number) / seconds(seen.at - start);
  }

 private:
  void connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    check(path.size() < sizeof address.sun_path, "the directory's name is too long for a socket: " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // Its socket is made by a thread that does not tell.
    for (int attempt = 0;; ++attempt) {
      if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
      check(attempt < 500, "collectd has no socket:\n" + process_->err());
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
  }

  std::unique_ptr<Process> process_;
  int socket_ = -1;
};

double collectd_csv(const std::string& program, const Data& data) {
  const TempDir dir;
  const auto files = dir / "files";
  std::filesystem::create_directory(files);
  Collectd collectd{
      program, dir.path(),
      fmt::format("LoadPlugin csv\n<Plugin csv>\n  DataDir \"{}\"\n  StoreRates false\n</Plugin>\n", files.string())};
  LineCount lines{files};
  const auto start = Clock::now();
  collectd.feed(data);
  return collectd.done(watch([&] { return lines(); }, kValues), start, "collectd, csv");
}

double collectd_mqtt(const std::string& program, const Data& data) {
  const TempDir dir;
  const Broker broker;
  Collectd collectd{program, dir.path(),
                    fmt::format("LoadPlugin mqtt\n<Plugin mqtt>\n  <Publish \"bench\">\n    Host \"127.0.0.1\"\n"
                                "    Port {}\n    ClientId \"collectd\"\n    QoS 0\n    Prefix \"collectd\"\n"
                                "    StoreRates false\n    Retain false\n  </Publish>\n</Plugin>\n",
                                broker.port())};
  Subscriber subscriber{broker.port(), "collectd/#"};
  const auto start = Clock::now();
  collectd.feed(data);
  return collectd.done(subscriber.wait(kValues), start, "collectd, mqtt");
}

/// Pushes everything and lets `look` wait until `wanted` lines or messages are visible; values a second.
double through_queue(std::unique_ptr<Sink> sink, Data& data, const std::filesystem::path& dir, std::size_t wanted,
                     const std::function<Seen()>& look) {
  const runtime::SystemClock clock;
  pipeline::SinkQueue::Options options;
  options.name = "bench";
  options.spool = dir / "bench.spool";
  // A flood is to wait, not to push out what came first: the one option that is not the program's default.
  options.policy = pipeline::FullPolicy::block;
  std::counting_semaphore<> space{0};
  pipeline::SinkQueue queue{std::move(sink), std::move(options),
                            data.series,     runtime::Logger{std::make_shared<runtime::Log>(), "bench"},
                            clock,           {.on_space = [&] { space.release(); }, .on_rejected = {}}};
  queue.start();
  const auto start = Clock::now();
  for (const auto& batch : data.batches)
    while (queue.push(batch) != pipeline::SinkQueue::Push::queued)
      check(space.try_acquire_for(kStalled), "the queue takes no more");
  const Seen seen = look();
  check(seen.number == wanted, fmt::format("{} of {} are visible", seen.number, wanted));
  check(queue.wait_idle(std::chrono::minutes{1}), "the queue is not empty");
  check(queue.status().counts.committed == kValues, "not everything was committed");
  check(queue.stop(std::chrono::minutes{1}), "the queue lost something");
  return static_cast<double>(kValues) / seconds(seen.at - start);
}

double our_csv(Data& data, sinks::csv::Form form) {
  const TempDir dir;
  const auto files = dir / "files";
  sinks::csv::Options options;
  options.directory = files;
  options.form = form;
  options.every = std::chrono::hours{24};
  options.max_bytes = 256ULL << 20U;
  LineCount lines{files};
  std::filesystem::create_directory(files);
  const std::size_t wanted = form == sinks::csv::Form::wide ? kBatches : kValues;
  return through_queue(std::make_unique<sinks::csv::CsvSink>(std::move(options), data.series, runtime::Logger{}), data,
                       dir.path(), wanted, [&] { return watch([&] { return lines(); }, wanted); });
}

double our_mqtt(Data& data, sinks::mqtt::Options options, std::size_t messages) {
  const TempDir dir;
  const Broker broker;
  Subscriber subscriber{broker.port(), "mesura/cupboard/#"};
  options.url = fmt::format("mqtt://127.0.0.1:{}", broker.port());
  return through_queue(std::make_unique<sinks::mqtt::MqttSink>(std::move(options), data.series, runtime::Logger{}),
                       data, dir.path(), messages, [&] { return subscriber.wait(messages); });
}

struct Path {
  const char* name;
  const char* unit;  // what is counted
  std::function<double()> run;
  const Path* peer = nullptr;      // what it is compared with
  std::vector<double> rates = {};  // values a second

  [[nodiscard]] double rate() const {  // thousand values a second
    std::vector<double> sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2] / 1000;
  }
};

void print(const Path& path) {
  const auto [slowest, fastest] = std::minmax_element(path.rates.begin(), path.rates.end());
  fmt::print("{:<52} {:7.1f} k values/s [{:.1f} .. {:.1f}]", path.name, path.rate(), *slowest / 1000, *fastest / 1000);
  if (path.peer != nullptr) fmt::print("   {:5.2f} x collectd", path.rate() / path.peer->rate());
  fmt::print("   ({})\n", path.unit);
}

void print_load(const char* when) {
  std::array<double, 3> load{};
  if (::getloadavg(load.data(), 1) == 1) fmt::print("load of the machine {}: {:.1f}\n", when, load[0]);
}

int measure(int rounds) {
  const std::string program = find_collectd();
  if (program.empty()) {
    fmt::print("collectd: not installed: apt-get install collectd-core\n");
    return 0;
  }
  Data data;
  sinks::mqtt::Options each;
  each.topic = "mesura/{device}/{name}";
  sinks::mqtt::Options unconfirmed = each;
  unconfirmed.qos = 0;
  sinks::mqtt::Options bare = unconfirmed;
  bare.payload = sinks::mqtt::Payload::value;
  using sinks::csv::Form;

  Path csv{"collectd: socket -> csv", "line a value, nothing synced", [&] { return collectd_csv(program, data); }};
  Path mqtt{"collectd: socket -> mqtt, QoS 0", "message a value", [&] { return collectd_mqtt(program, data); }};
  std::vector<Path> ours{
      {"Mesura: queue -> csv, long form", "line a value, synced", [&] { return our_csv(data, Form::lines); }, &csv},
      {"Mesura: queue -> csv, wide form", "line of 36 values, synced", [&] { return our_csv(data, Form::wide); }, &csv},
      {"Mesura: queue -> mqtt, QoS 1, json", "message of 36 values", [&] { return our_mqtt(data, {}, kBatches); },
       &mqtt},
      {"Mesura: queue -> mqtt, QoS 1, json, {device}/{name}", "message a value",
       [&] { return our_mqtt(data, each, kValues); }, &mqtt},
      {"Mesura: queue -> mqtt, QoS 0, json, {device}/{name}", "message a value",
       [&] { return our_mqtt(data, unconfirmed, kValues); }, &mqtt},
      {"Mesura: queue -> mqtt, QoS 0, value, {device}/{name}", "message a value, without its time",
       [&] { return our_mqtt(data, bare, kValues); }, &mqtt},
  };
  print_load("before");
  for (int round = 0; round < rounds; ++round) {
    csv.rates.push_back(csv.run());
    mqtt.rates.push_back(mqtt.run());
    for (Path& path : ours) path.rates.push_back(path.run());
  }
  print_load("after");
  fmt::print("{} values of {} series until all are visible, medians of {}\n", kValues, kColumns, rounds);
  print(csv);
  print(mqtt);
  for (const Path& path : ours) print(path);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure(argc > 1 ? std::max(1, std::atoi(argv[1])) : 3);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_peers: {}\n", e.what());
    return 1;
  }
}

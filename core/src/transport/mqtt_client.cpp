// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/mqtt_client.hpp"

#include "transport/byte_stream.hpp"
#include "transport/reason.hpp"

#include <fmt/format.h>
#include <mosquitto.h>
#include <sys/epoll.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxMessage = std::size_t{1} << 20;
constexpr int kMaxInflight = 1000;
/// Of loop_misc, which sends pings and notices that none are answered.
constexpr auto kHousekeeping = 1s;

struct Destroy {
  void operator()(mosquitto* client) const { ::mosquitto_destroy(client); }
};

std::string text_of(int result, int error) {
  return result == MOSQ_ERR_ERRNO ? errno_text(error) : ::mosquitto_strerror(result);
}

std::string_view hint_for(int result, int error) {
  if (result == MOSQ_ERR_EAI) return "is the name of the broker spelled right, and does the name server know it?";
  if (result == MOSQ_ERR_TLS || result == MOSQ_ERR_TLS_HANDSHAKE)
    return "does the broker speak TLS at this port (usually 8883), and is its certificate one that `ca_file` vouches "
           "for?";
  if (result == MOSQ_ERR_ERRNO && error == ECONNREFUSED)
    return "no broker listens there: is it running, is the port right (usually 1883, with TLS 8883)?";
  return {};
}

}  // namespace

struct MqttClient::Shared : std::enable_shared_from_this<Shared> {
  Shared(const Context& c, MqttOptions o, std::string name, Handlers h)
      : context(c), options(std::move(o)), what(std::move(name)), handlers(std::move(h)), loop(&c.loop) {}
  ~Shared() = default;
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  bool set_up(std::string& problem);
  void connect();
  void on_connected(int result, int error);
  void on_events(std::uint32_t events);
  void house_keeping();
  void release();
  bool publish(std::string_view topic, Bytes payload);
  void update_watch();
  void check(int result, int error);
  void end(Reason reason);
  void open();

  void on_connack(int code);
  void on_suback(std::vector<int> granted);
  void on_message(const mosquitto_message& message);
  void on_published(int id);

  /// True while somebody still wants to hear from us.
  [[nodiscard]] bool wanted() const { return alive; }
  /// A failure that is told once libmosquitto is out of its call.
  void fail_later(Reason reason) {
    if (!failure.code.empty()) return;
    failure = std::move(reason);
  }

  const Context context;
  const MqttOptions options;
  const std::string what;
  const Handlers handlers;
  std::unique_ptr<mosquitto, Destroy> client;

  std::mutex mutex;
  runtime::EventLoop* loop;  // null: let go

  // Loop thread only.
  bool alive = true;
  bool connected = false;
  bool opened = false;
  int depth = 0;  // of calls into libmosquitto, which must not be destroyed in them
  Reason failure;
  runtime::EventLoop::WatchId watch = 0;
  std::uint32_t watched = 0;
  runtime::EventLoop::TimerId timer = 0;                                 // house-keeping
  runtime::EventLoop::TimerId timeout = 0;                               // of opening
  runtime::EventLoop::TimerId failed = 0;                                // an end that publish() has met
  std::vector<std::pair<std::string, std::vector<std::uint8_t>>> early;  // came before the last subscription stood
  std::size_t early_bytes = 0;
  std::map<int, std::size_t> unacknowledged;
  std::set<int> published_early;
  std::size_t waiting = 0;
};

namespace {

MqttClient::Shared& shared(void* object) { return *static_cast<MqttClient::Shared*>(object); }

}  // namespace

bool MqttClient::Shared::set_up(std::string& problem) {
  static const int initialised = ::mosquitto_lib_init();
  client.reset(::mosquitto_new(options.client_id.empty() ? nullptr : options.client_id.c_str(), true, this));
  if (initialised != MOSQ_ERR_SUCCESS || !client) {
    problem = errno_text(errno);
    return false;
  }
  auto* const c = client.get();
  int result = MOSQ_ERR_SUCCESS;
  const auto try_to = [&](int r) {
    if (result == MOSQ_ERR_SUCCESS) result = r;
  };
  if (!options.username.empty())
    try_to(::mosquitto_username_pw_set(c, options.username.c_str(),
                                       options.password.empty() ? nullptr : options.password.c_str()));
  if (options.tls) {
    const auto or_null = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
    if (options.ca_file.empty()) {
      try_to(::mosquitto_int_option(c, MOSQ_OPT_TLS_USE_OS_CERTS, 1));
    }
    if (!options.ca_file.empty() || !options.cert_file.empty())
      try_to(::mosquitto_tls_set(c, or_null(options.ca_file), options.ca_file.empty() ? "/etc/ssl/certs" : nullptr,
                                 or_null(options.cert_file), or_null(options.key_file), nullptr));
    if (options.insecure) try_to(::mosquitto_tls_insecure_set(c, true));
  }
  try_to(::mosquitto_max_inflight_messages_set(c, kMaxInflight));
  if (result != MOSQ_ERR_SUCCESS) {
    problem = result == MOSQ_ERR_INVAL ? "a certificate or key that can't be read" : ::mosquitto_strerror(result);
    return false;
  }
  ::mosquitto_connect_callback_set(c, [](mosquitto*, void* o, int code) { shared(o).on_connack(code); });
  ::mosquitto_subscribe_callback_set(c, [](mosquitto*, void* o, int /*id*/, int count, const int* granted) {
    shared(o).on_suback({granted, granted + count});
  });
  ::mosquitto_message_callback_set(
      c, [](mosquitto*, void* o, const mosquitto_message* message) { shared(o).on_message(*message); });
  ::mosquitto_publish_callback_set(c, [](mosquitto*, void* o, int id) { shared(o).on_published(id); });
  return true;
}

/// On its own thread: looks the name up, tries its addresses, and begins TLS.
void MqttClient::Shared::connect() {
  errno = 0;
  const int result = ::mosquitto_connect(client.get(), options.host.c_str(), options.port,
                                         static_cast<int>(options.keepalive.count()));
  const int error = errno;
  const std::lock_guard lock{mutex};
  if (loop != nullptr)
    loop->post([self = shared_from_this(), result, error] {
      if (self->wanted()) self->on_connected(result, error);
    });
}

void MqttClient::Shared::on_connected(int result, int error) {
  if (result != MOSQ_ERR_SUCCESS) {
    end(make_reason(result == MOSQ_ERR_ERRNO && error == ECONNREFUSED ? "refused" : "open-failed", what,
                    "a connection to the broker", text_of(result, error), hint_for(result, error)));
    return;
  }
  connected = true;
  watched = EPOLLIN;
  watch = loop->watch(::mosquitto_socket(client.get()), watched,
                      [self = shared_from_this()](std::uint32_t events) { self->on_events(events); });
  update_watch();
  house_keeping();
}

void MqttClient::Shared::house_keeping() {
  timer = loop->after(kHousekeeping, [self = shared_from_this()] {
    self->timer = 0;
    ++self->depth;
    errno = 0;
    const int result = ::mosquitto_loop_misc(self->client.get());
    --self->depth;
    self->check(result, errno);
    if (self->wanted()) self->house_keeping();
    if (!self->wanted()) self->release();
  });
}

void MqttClient::Shared::on_events(std::uint32_t events) {
  const auto self = shared_from_this();
  ++depth;
  errno = 0;
  int result = MOSQ_ERR_SUCCESS;
  if ((events & EPOLLOUT) != 0) result = ::mosquitto_loop_write(client.get(), 1);
  if (result == MOSQ_ERR_SUCCESS && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
    result = ::mosquitto_loop_read(client.get(), 16);
  const int error = errno;
  --depth;
  check(result, error);
  if (!wanted()) release();
}

/// After each call into libmosquitto.
void MqttClient::Shared::check(int result, int error) {
  if (!wanted()) return;
  if (!failure.code.empty()) {
    end(failure);
  } else if (result != MOSQ_ERR_SUCCESS) {
    end(make_reason(opened ? "vanished" : "open-failed", what, "a connection to the broker", text_of(result, error),
                    hint_for(result, error)));
  } else {
    update_watch();
  }
}

void MqttClient::Shared::update_watch() {
  const std::uint32_t wants = ::mosquitto_want_write(client.get()) ? EPOLLIN | EPOLLOUT : EPOLLIN;
  if (watch == 0 || wants == watched) return;
  watched = wants;
  loop->modify(watch, wants);
}

void MqttClient::Shared::on_connack(int code) {
  if (!wanted()) return;
  if (code != 0) {
    const bool credentials = code == 4 || code == 5;
    fail_later(make_reason("refused", what, "to be let in by the broker", ::mosquitto_connack_string(code),
                           credentials ? "are `username` and `password` right?" : ""));
    return;
  }
  if (options.topics.empty()) {
    open();
    return;
  }
  std::vector<char*> topics;
  topics.reserve(options.topics.size());
  for (const auto& topic : options.topics) topics.push_back(const_cast<char*>(topic.c_str()));
  const int result = ::mosquitto_subscribe_multiple(client.get(), nullptr, static_cast<int>(topics.size()),
                                                    topics.data(), options.qos, 0, nullptr);
  if (result != MOSQ_ERR_SUCCESS)
    fail_later(make_reason("open-failed", what, "to subscribe", ::mosquitto_strerror(result)));
}

void MqttClient::Shared::on_suback(std::vector<int> granted) {
  if (!wanted() || opened) return;
  constexpr int kRefused = 0x80;
  for (std::size_t i = 0; i < granted.size() && i < options.topics.size(); ++i) {
    if (granted[i] < kRefused) continue;
    fail_later(make_reason("refused", what, "to subscribe to '" + options.topics[i] + "'", "a refusal by the broker",
                           "may this user read it?"));
    return;
  }
  open();
}

void MqttClient::Shared::open() {
  opened = true;
  if (timeout != 0) loop->cancel(std::exchange(timeout, 0));
  handlers.on_open();
  auto messages = std::exchange(early, {});
  for (const auto& [topic, payload] : messages)
    if (wanted()) handlers.on_message(topic, payload);
}

void MqttClient::Shared::on_message(const mosquitto_message& message) {
  // An empty one only takes back what the broker had kept.
  if (!wanted() || message.payloadlen <= 0) return;
  if (handlers.accept && !handlers.accept(message.topic, message.retain)) return;
  const Bytes payload{static_cast<const std::uint8_t*>(message.payload), static_cast<std::size_t>(message.payloadlen)};
  if (payload.size() > kMaxMessage) {
    if (context.memory->first("mqtt message"))
      context.log.warn(
          "tra-mqtt-size",
          "{}: expected messages of at most {} bytes, got one of {} in '{}'; it was left out, further ones "
          "are not logged",
          what, kMaxMessage, payload.size(), message.topic);
    return;
  }
  if (opened) {
    handlers.on_message(message.topic, payload);
  } else if (early_bytes + payload.size() <= kMaxMessage) {
    early_bytes += payload.size();
    early.emplace_back(message.topic, std::vector<std::uint8_t>{payload.begin(), payload.end()});
  }
}

void MqttClient::Shared::on_published(int id) {
  const auto found = unacknowledged.find(id);
  if (found == unacknowledged.end()) {
    // From inside mosquitto_publish, before the number is known.
    published_early.insert(id);
    return;
  }
  waiting -= found->second;
  unacknowledged.erase(found);
}

bool MqttClient::Shared::publish(std::string_view topic, Bytes payload) {
  const std::string name{topic};
  if (!opened || !alive || failed != 0 || waiting + payload.size() > kSendBound ||
      name.find('\0') != std::string::npos || name.empty() ||
      ::mosquitto_pub_topic_check(name.c_str()) != MOSQ_ERR_SUCCESS)
    return false;
  int id = 0;
  ++depth;
  errno = 0;
  const int result = ::mosquitto_publish(client.get(), &id, name.c_str(), static_cast<int>(payload.size()),
                                         payload.data(), options.qos, false);
  const int error = errno;
  --depth;
  if (published_early.erase(id) == 0 && result == MOSQ_ERR_SUCCESS) {
    unacknowledged[id] = payload.size();
    waiting += payload.size();
  }
  if (result == MOSQ_ERR_SUCCESS) {
    update_watch();
    return true;
  }
  if (result != MOSQ_ERR_INVAL && result != MOSQ_ERR_PAYLOAD_SIZE && result != MOSQ_ERR_MALFORMED_UTF8 &&
      result != MOSQ_ERR_OVERSIZE_PACKET)
    failed = loop->after(0ns, [self = shared_from_this(), result, error] {
      self->failed = 0;
      self->check(result, error);
    });
  return false;
}

void MqttClient::Shared::end(Reason reason) {
  release();
  handlers.on_end(std::move(reason));
}

/// Ends the connection, unless libmosquitto is calling us: then the end of its call does.
void MqttClient::Shared::release() {
  alive = false;
  for (auto* t : {&timer, &timeout, &failed})
    if (*t != 0) context.loop.cancel(std::exchange(*t, 0));
  if (depth > 0) return;
  if (watch != 0) context.loop.unwatch(std::exchange(watch, 0));
  {
    const std::lock_guard lock{mutex};
    loop = nullptr;
  }
  // Before it is connected, the other thread has it.
  if (!std::exchange(connected, false)) return;
  ::mosquitto_disconnect(client.get());
  client.reset();
}

MqttClient::MqttClient(const Context& context, MqttOptions options, std::string what, Handlers handlers)
    : shared_(std::make_shared<Shared>(context, std::move(options), std::move(what), std::move(handlers))) {
  auto& self = *shared_;
  std::string problem;
  if (!self.set_up(problem)) {
    self.failed = context.loop.after(0ns, [shared = shared_, problem] {
      shared->failed = 0;
      shared->end(make_reason("open-failed", shared->what, "to set the connection up", problem));
    });
    return;
  }
  self.timeout = context.loop.after(self.options.timeout, [shared = shared_] {
    shared->timeout = 0;
    shared->end(system_reason("open-failed", shared->what,
                              shared->connected ? "the broker's answer" : "a connection to the broker", ETIMEDOUT));
  });
  std::thread{[shared = shared_] { shared->connect(); }}.detach();
}

MqttClient::~MqttClient() { shared_->release(); }

bool MqttClient::publish(std::string_view topic, Bytes payload) { return shared_->publish(topic, payload); }

}  // namespace mesura::transport

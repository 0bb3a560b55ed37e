// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/resolver.hpp"
#include "transport/http_exchange.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxWaiting = 256;
/// A thread that has had nothing to do for so long ends.
constexpr auto kIdle = 10s;

struct Job {
  HttpRequest request;
  std::vector<runtime::SocketAddress> addresses;
};

/// Threads that wait for servers, shared with those that are still waiting when the transport has gone.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  using Done = std::function<void(const HttpRequest&, const HttpAnswer&)>;

  /// `done` is called on the loop's thread.
  Pool(runtime::EventLoop& loop, HttpTls tls, std::chrono::nanoseconds timeout, std::size_t threads, Done done)
      : loop_(&loop), tls_(std::move(tls)), timeout_(timeout), max_threads_(threads), done_(std::move(done)) {}

  void add(Job job) {
    bool start = false;
    {
      const std::lock_guard lock{mutex_};
      queue_.push_back(std::move(job));
      start = idle_ < queue_.size() && threads_ < max_threads_;
      if (start) ++threads_;
    }
    if (!start) {
      changed_.notify_one();
      return;
    }
    try {
      std::thread{[self = shared_from_this()] { self->work(); }}.detach();
    } catch (const std::system_error&) {
      // Those that there are will get to it; without any, the next request tries again.
      const std::lock_guard lock{mutex_};
      --threads_;
    }
  }

  /// A server that sends a byte now and then would never run into the timeout of a read.
  void end_overdue() {
    const std::lock_guard lock{mutex_};
    const auto now = Clock::now();
    for (const auto& [fd, deadline] : active_)
      if (now >= deadline) ::shutdown(fd, SHUT_RDWR);
  }

  void close() {
    {
      const std::lock_guard lock{mutex_};
      loop_ = nullptr;
      queue_.clear();
      for (const auto& [fd, deadline] : active_) ::shutdown(fd, SHUT_RDWR);
    }
    changed_.notify_all();
  }

 private:
  void work() {
    std::unique_lock lock{mutex_};
    for (;;) {
      ++idle_;
      changed_.wait_for(lock, kIdle, [&] { return loop_ == nullptr || !queue_.empty(); });
      --idle_;
      if (loop_ == nullptr || queue_.empty()) break;
      const Job job = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      auto answer = answer_of(job);
      lock.lock();
      if (loop_ == nullptr) break;
      loop_->post([self = shared_from_this(), request = job.request, answer = std::move(answer)] {
        if (self->is_open()) self->done_(request, answer);
      });
    }
    --threads_;
  }

  HttpAnswer answer_of(const Job& job) {
    const std::chrono::nanoseconds timeout = timeout_ + time_to_send(job.request.body.size());
    const HttpLimits limits{Clock::now() + timeout, timeout};
    int active = -1;
    return exchange(job.request, job.addresses, tls_, limits, [&](int fd) {
      const std::lock_guard lock{mutex_};
      if (active >= 0) active_.erase(active);
      active = fd;
      if (fd >= 0) active_[fd] = limits.deadline;
      if (fd >= 0 && loop_ == nullptr) ::shutdown(fd, SHUT_RDWR);
    });
  }

  bool is_open() {
    const std::lock_guard lock{mutex_};
    return loop_ != nullptr;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  runtime::EventLoop* loop_;  // null: closed
  const HttpTls tls_;
  const std::chrono::nanoseconds timeout_;
  const std::size_t max_threads_;
  const Done done_;
  std::deque<Job> queue_;
  std::map<int, Clock::time_point> active_;  // sockets and when they must be through
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

std::string text_of(const config::Value& value) { return value ? value.text() : std::string{}; }

/// Requests and their answers: send(body, "GET /path") asks, on_bytes with the status and the same text as topic
/// answers. send(bytes, "FILE /path") sends the bytes and nothing else (kRawMethod).
class Http final : public Transport {
 public:
  Http(const config::Value& options, const Context& context)
      : context_(context),
        timeout_(options["timeout"].duration()),
        parallel_(static_cast<std::size_t>(options["parallel"].integer())),
        tls_{text_of(options["ca_file"]), options["insecure"].boolean()} {
    standard_.host = text_of(options["host"]);
    standard_.tls = options["tls"].boolean();
    const std::uint16_t usual = standard_.tls ? 443 : 80;
    standard_.port = options["port"] ? static_cast<std::uint16_t>(options["port"].integer()) : usual;
    standard_.content_type = options["content_type"].text();
  }
  ~Http() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      pool_ = std::make_shared<Pool>(
          context_.loop, tls_, timeout_, parallel_,
          [this](const HttpRequest& request, const HttpAnswer& answer) { deliver(request, answer); });
      listener_->on_open();
    });
  }

  void close() override {
    for (auto* timer : {&timer_, &watchdog_})
      if (*timer != 0) context_.loop.cancel(std::exchange(*timer, 0));
    looking_up_.clear();
    outstanding_ = 0;
    if (pool_) pool_->close();
    pool_.reset();
    listener_ = nullptr;
  }

  bool send(Bytes bytes, std::string_view to) override {
    if (!pool_ || outstanding_ >= kMaxWaiting || bytes.size() > kMaxRequest) return false;
    auto request = parse_http_request(to, standard_);
    if (!request) return false;
    request->body.assign(bytes.begin(), bytes.end());
    ++outstanding_;
    const std::uint64_t id = ++next_;
    auto& looking = looking_up_[id];
    looking.request = std::move(*request);
    looking.deadline_ns = context_.loop.clock().steady_ns() + timeout_.count();
    looking.resolution =
        runtime::resolve(context_.loop, looking.request.host, looking.request.port, SOCK_STREAM,
                         [this, id](runtime::Resolved resolved) { on_resolved(id, std::move(resolved)); });
    watch();
    return true;
  }

  [[nodiscard]] std::string describe() const override {
    if (standard_.host.empty()) return "http";
    return (standard_.tls ? "https " : "http ") + standard_.peer();
  }

 private:
  static constexpr std::size_t kMaxRequest = std::size_t{1} << 20;

  struct LookingUp {
    HttpRequest request;
    runtime::Resolution resolution;
    std::int64_t deadline_ns = 0;
  };

  void on_resolved(std::uint64_t id, runtime::Resolved resolved) {
    auto node = looking_up_.extract(id);
    // The callback itself is part of what it ends.
    auto keep = std::make_shared<LookingUp>(std::move(node.mapped()));
    context_.loop.post([keep] {});
    if (resolved.addresses.empty()) {
      refuse(keep->request, "a host that can be found", resolved.error);
      return;
    }
    pool_->add({keep->request, std::move(resolved.addresses)});
  }

  void refuse(const HttpRequest& request, std::string_view expected, std::string_view got) {
    deliver(request, {-1, make_reason({}, request.describe(), expected, got).message});
  }

  void deliver(const HttpRequest& request, const HttpAnswer& answer) {
    --outstanding_;
    const std::string peer = request.peer();
    const Meta meta{.received_ns = context_.loop.clock().wall_ns(),
                    .offset = offset_,
                    .peer = peer,
                    .topic = request.to,
                    .status = answer.status};
    offset_ += answer.body.size();
    listener_->on_bytes({reinterpret_cast<const std::uint8_t*>(answer.body.data()), answer.body.size()}, meta);
  }

  /// Looks after what takes too long, as long as there is anything.
  void watch() {
    if (watchdog_ != 0) return;
    watchdog_ = context_.loop.after(std::max<std::chrono::nanoseconds>(timeout_ / 8, 10ms), [this] {
      watchdog_ = 0;
      pool_->end_overdue();
      const std::int64_t now_ns = context_.loop.clock().steady_ns();
      std::vector<HttpRequest> overdue;
      for (auto looking = looking_up_.begin(); looking != looking_up_.end();) {
        const bool late = now_ns >= looking->second.deadline_ns;
        if (late) overdue.push_back(std::move(looking->second.request));
        looking = late ? looking_up_.erase(looking) : std::next(looking);
      }
      for (const auto& request : overdue) {
        refuse(request, "an answer of the name server", "none in time");
        if (listener_ == nullptr) return;
      }
      if (outstanding_ > 0) watch();
    });
  }

  Context context_;
  std::chrono::nanoseconds timeout_;
  std::size_t parallel_;
  HttpTls tls_;
  HttpRequest standard_;
  Listener* listener_ = nullptr;
  runtime::EventLoop::TimerId timer_ = 0;
  runtime::EventLoop::TimerId watchdog_ = 0;
  std::shared_ptr<Pool> pool_;
  std::map<std::uint64_t, LookingUp> looking_up_;
  std::uint64_t next_ = 0;
  std::size_t outstanding_ = 0;  // requests without answer
  std::uint64_t offset_ = 0;
};

}  // namespace

Kind http_kind() {
  using config::Type;
  return {"http",
          config::object(
              {config::optional("host", config::of(Type::host,
                                                   "name or address of the device; not needed where each "
                                                   "request names its own")),
               config::optional("port", config::of(Type::port, "its TCP port; else 80, with TLS 443")),
               config::optional("timeout", config::duration("from connecting to the end of the answer", "10ms", "10m"),
                                "5s"),
               config::optional("parallel", config::integer("requests at the same time; 256 may wait", 1, 64), "4"),
               config::optional("content_type", config::text("of the bodies that are sent"), "application/json"),
               config::optional("tls", config::boolean("https, with the device's certificate checked"), "false"),
               config::optional("ca_file", config::of(Type::path, "certificates to trust; else the system's")),
               config::optional("insecure", config::boolean("take any certificate: encrypted, but by whom?"), "false")},
              "HTTP requests, asked by the plugin"),
          [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
            return std::make_unique<Http>(options, context);
          }};
}

}  // namespace mesura::transport

// Redis streams over a Unix socket: XADD in pipelines of 128, XREAD of up to 256.
#include <hiredis/hiredis.h>

#include "bench.hpp"
using namespace bench;

struct Redis : Peer {
  std::vector<char> out = std::vector<char>(bytes, 0x5a);
  redisContext *context;
  std::string seen = "0";
  int pending = 0;
  explicit Redis(int side) : context(redisConnectUnix("redis.sock")) {
    if (!context || context->err) fail("redis");
    if (side == 0) freeReplyObject(redisCommand(context, "DEL bench"));
    usleep(50000);
  }
  template <class F>
  void send(size_t size, F fill) {
    fill(out.data());
    redisAppendCommand(context, "XADD bench MAXLEN ~ 1000000 * d %b", out.data(), size);
    if (++pending == 128) flush();
  }
  void flush() {
    for (; pending > 0; pending--) {
      void *reply;
      if (redisGetReply(context, &reply) != REDIS_OK) fail("XADD");
      freeReplyObject(reply);
    }
  }
  template <class F>
  void receive(F see) {
    auto *reply = static_cast<redisReply *>(
        redisCommand(context, "XREAD COUNT 256 BLOCK 5000 STREAMS bench %s", seen.c_str()));
    if (!reply || reply->type != REDIS_REPLY_ARRAY) fail("XREAD");
    const redisReply *entries = reply->element[0]->element[1];
    for (size_t each = 0; each < entries->elements; each++) {
      seen.assign(entries->element[each]->element[0]->str, entries->element[each]->element[0]->len);
      see(entries->element[each]->element[1]->element[1]->str);
    }
    freeReplyObject(reply);
  }
};

int main(int count, char **words) { return measure<Redis>("Redis streams", count, words); }

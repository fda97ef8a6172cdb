/* What the upstream for measurements answers: bodies and events in the shapes of the Copilot API
 * (copilot-upstream.md §5.5, §6), invented, always the same but for ids and the time of sending.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NAMING_BYTES = 256, EVENT_BYTES = 4096 };

typedef struct {
  const char *model; /* as it stands in the request */
  int64_t ns;        /* between two events; 0: as fast as they are taken */
  long chunks;
} Pace;

static const Pace PACES[] = {
    {"\"bench-fast\"", 0, 100},
    {"\"bench-paced\"", 10000000, 100},
    {"\"bench-slow\"", 1000000000, 600},
    {"\"bench-flood\"", 0, 1000000},
};
#define PACE_COUNT (sizeof PACES / sizeof PACES[0])

typedef struct {
  const char *opening, *tail;
  const char *event; /* a format: stamp, then for Responses two numbers that make its id */
} Stream;

typedef struct {
  const char *status, *body;
  const Stream *stream;
  const Pace *pace;
} Answer;

#define WHOLE_HEAD                                                                     \
  "HTTP/1.1 %s\r\nContent-Type: application/json\r\nx-request-id: 0123456789abcdef\r\n" \
  "Content-Length: %zu\r\n\r\n"
#define STREAM_HEAD                                                                       \
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: 0123456789abcdef\r\n" \
  "Transfer-Encoding: chunked\r\n\r\n"

#define SAFE "{\"filtered\":false,\"severity\":\"safe\"}"
#define COST                                                                                       \
  "\"copilot_usage\":{\"token_details\":[{\"token_type\":\"input\",\"token_count\":419,"             \
  "\"cost_per_batch\":15000000000,\"batch_size\":1000000},{\"token_type\":\"output\","               \
  "\"token_count\":100,\"cost_per_batch\":60000000000,\"batch_size\":1000000}],"                     \
  "\"total_nano_aiu\":12285000}"
#define CHAT_USAGE                                                                                 \
  "\"usage\":{\"completion_tokens\":100,\"prompt_tokens\":547,\"prompt_tokens_details\":"           \
  "{\"cached_tokens\":128},\"total_tokens\":647}"
#define RESPONSES_USAGE                                                                      \
  "\"usage\":{\"input_tokens\":547,\"input_tokens_details\":{\"cached_tokens\":128},"         \
  "\"output_tokens\":100,\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":647}"
#define MESSAGES_USAGE                                                                    \
  "\"usage\":{\"input_tokens\":419,\"cache_creation_input_tokens\":0,"                     \
  "\"cache_read_input_tokens\":128,\"output_tokens\":100}"

/* --- whole answers of about 600 bytes --- */

#define WORDS                                                                                \
  "An answer of some length, so that a body has about the six hundred bytes that short ones " \
  "have on the wire; it says nothing. bench-end"

static const char CHAT_WHOLE[] =
    "{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"message\":{\"content\":\"" WORDS
    "\",\"role\":\"assistant\"}}],\"created\":1795350000,\"id\":\"chatcmpl-bench\",\"model\":"
    "\"bench-2026-11-01\",\"object\":\"chat.completion\"," CHAT_USAGE "," COST "}";
static const char RESPONSES_WHOLE[] =
    "{\"id\":\"resp_bench\",\"object\":\"response\",\"created_at\":1795350000,\"status\":"
    "\"completed\",\"model\":\"bench-2026-11-01\",\"output\":[{\"id\":\"msg_bench\",\"type\":"
    "\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":"
    "\"output_text\",\"text\":\"" WORDS "\",\"annotations\":[]}]}]," RESPONSES_USAGE "," COST "}";
static const char MESSAGES_WHOLE[] =
    "{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
    "\"bench-2026-11-01\",\"content\":[{\"type\":\"text\",\"text\":\"" WORDS
    "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null," MESSAGES_USAGE "," COST "}";

/* --- streams: an opening, the events, a tail with the usage --- */

#define CHAT_FRAME                                                                       \
  "\"created\":1795350000,\"id\":\"chatcmpl-bench\",\"model\":\"bench-2026-11-01\",\"object\":" \
  "\"chat.completion.chunk\",\"system_fingerprint\":\"fp_bench\""
#define FILTERS                                                                      \
  "\"content_filter_results\":{\"hate\":" SAFE ",\"self_harm\":" SAFE ",\"sexual\":" SAFE \
  ",\"violence\":" SAFE "}"
#define MESSAGES_EVENT(name, rest) \
  "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define RESPONSES_EVENT(name, rest) MESSAGES_EVENT(name, rest)
/* Copilot's ids are sealed, about this long, and another one in each event (§6.4). */
#define SEAL                                                                                  \
  "Kw3vY0ZrT2QxN2hLc0VtR1hqUDlkQm9BZkN1SnlIaU9wTWVXbFZrVHNGZ05iRHhZcUw4elI1dDQyUzY3SjFjMFVhSXZLd0" \
  "9uR21aUXhMZVRyUHN5RmhCZ1ZjTmRLaldvQXFFdVhpWmtMbUhiUnBTdHlGdkdn"

static const Stream CHAT = {
    .opening = "data: {\"choices\":[{\"content_filter_results\":{},\"delta\":{\"content\":\"\","
               "\"refusal\":null,\"role\":\"assistant\"},\"finish_reason\":null,\"index\":0,"
               "\"logprobs\":null}]," CHAT_FRAME ",\"usage\":null}\n\n",
    .event = "data: {\"choices\":[{" FILTERS ",\"delta\":{\"content\":\"@@%019lld words\"},"
             "\"finish_reason\":null,\"index\":0,\"logprobs\":null}]," CHAT_FRAME
             ",\"usage\":null}\n\n",
    .tail = "data: {\"choices\":[{\"content_filter_results\":{},\"delta\":{},\"finish_reason\":"
            "\"stop\",\"index\":0,\"logprobs\":null}]," CHAT_FRAME ",\"usage\":null}\n\n"
            "data: {\"choices\":[]," CHAT_FRAME "," CHAT_USAGE "," COST "}\n\n"
            "data: [DONE]\n\n",
};
static const Stream RESPONSES = {
    .opening = RESPONSES_EVENT("response.created",
                               ",\"sequence_number\":0,\"response\":{\"id\":\"resp_bench\","
                               "\"object\":\"response\",\"created_at\":1795350000,\"status\":"
                               "\"in_progress\",\"model\":\"bench-2026-11-01\",\"output\":[]}")
        RESPONSES_EVENT("response.output_item.added",
                        ",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"A" SEAL
                        "\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":"
                        "\"assistant\",\"content\":[]}"),
    .event = RESPONSES_EVENT("response.output_text.delta",
                             ",\"content_index\":0,\"delta\":\"@@%019lld words\",\"item_id\":"
                             "\"%06ld" SEAL "\",\"output_index\":0,\"sequence_number\":%ld,"
                             "\"logprobs\":[]"),
    .tail = RESPONSES_EVENT("response.output_item.done",
                            ",\"sequence_number\":998,\"output_index\":0,\"item\":{\"id\":\"Z" SEAL
                            "\",\"type\":\"message\",\"status\":\"completed\",\"role\":"
                            "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"words"
                            "\",\"annotations\":[]}]}")
        RESPONSES_EVENT("response.completed",
                        ",\"sequence_number\":999,\"response\":{\"id\":\"resp_bench\",\"object\":"
                        "\"response\",\"created_at\":1795350000,\"status\":\"completed\","
                        "\"model\":\"bench-2026-11-01\",\"output\":[]," RESPONSES_USAGE "}," COST),
};
static const Stream MESSAGES = {
    .opening = MESSAGES_EVENT("message_start",
                              ",\"message\":{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":"
                              "\"assistant\",\"model\":\"bench-2026-11-01\",\"content\":[],"
                              "\"stop_reason\":null,\"stop_sequence\":null," MESSAGES_USAGE "}")
        MESSAGES_EVENT("content_block_start",
                       ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"),
    .event = MESSAGES_EVENT("content_block_delta",
                            ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
                            "\"@@%019lld words\"}"),
    .tail = MESSAGES_EVENT("content_block_stop", ",\"index\":0")
        MESSAGES_EVENT("message_delta",
                       ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
                       MESSAGES_USAGE "," COST)
            MESSAGES_EVENT("message_stop", ""),
};

static size_t event_of(const Stream *stream, char *into, long number, int64_t at) {
  return (size_t)sprintf(into, stream->event, (long long)at, number, number + 2);
}

/* --- the catalogue, and which answer a request gets --- */

#define MODEL(id)                                                                                \
  "{\"id\":\"" id "\",\"object\":\"model\",\"name\":\"" id "\",\"vendor\":\"bench\",\"version\":"   \
  "\"bench-2026-11-01\",\"billing\":{\"is_premium\":true,\"multiplier\":1,\"token_prices\":"       \
  "{\"batch_size\":1000000,\"default\":{\"input_price\":15,\"output_price\":60,"                   \
  "\"cache_read_price\":8,\"cache_write_price\":0,\"max_prompt_tokens\":1000000}}},"               \
  "\"capabilities\":{\"type\":\"chat\",\"family\":\"bench\",\"tokenizer\":\"o200k_base\","         \
  "\"limits\":{\"max_context_window_tokens\":1000000},\"supports\":{\"streaming\":true,"          \
  "\"tool_calls\":true,\"vision\":true}},\"policy\":{\"state\":\"enabled\"},"                     \
  "\"supported_endpoints\":[\"/chat/completions\",\"/responses\",\"/v1/messages\"]}"

static const char MODELS[] = "{\"data\":[" MODEL("bench-fast") "," MODEL("bench-paced") "," MODEL(
    "bench-slow") "," MODEL("bench-flood") "],\"object\":\"list\"}";

static const struct {
  const char *path, *whole;
  const Stream *stream;
} ENDPOINTS[] = {
    {"/chat/completions ", CHAT_WHOLE, &CHAT},
    {"/responses ", RESPONSES_WHOLE, &RESPONSES},
    {"/v1/messages ", MESSAGES_WHOLE, &MESSAGES},
};

/* The exchange's answer, for the broker: a token that lives for a day. */
static char TOKEN[512];

static void prepare_token(int port) {
  long long ends = (long long)time(NULL) + 86400;
  sprintf(TOKEN,
          "{\"token\":\"tid=bench;exp=%lld;sku=bench\",\"expires_at\":%lld,\"refresh_in\":85000,"
          "\"endpoints\":{\"api\":\"http://127.0.0.1:%d\"},\"chat_enabled\":true}",
          ends, ends, port);
}

static Answer choose(const char *head, const char *body) {
  Answer chosen;
  const char *line_end = strstr(head, "\r\n");
  chosen = (Answer){"404 Not Found", "{\"error\":{\"message\":\"no such path\"}}", NULL, NULL};
  const char *path = strchr(head, '/');
  for (size_t i = 0; i < sizeof ENDPOINTS / sizeof ENDPOINTS[0]; i++) {
    const char *found = strstr(path, ENDPOINTS[i].path);
    if (!found || found > line_end) continue;
    chosen = (Answer){"200 OK", ENDPOINTS[i].whole, NULL, NULL};
    if (!strstr(body, "\"stream\":true")) break;
    chosen.stream = ENDPOINTS[i].stream;
    for (size_t k = 0; k < PACE_COUNT; k++)
      if (strstr(body, PACES[k].model)) chosen.pace = &PACES[k];
    break;
  }
  const char *models = strstr(path, "/models ");
  if (models && models < line_end) chosen = (Answer){"200 OK", MODELS, NULL, NULL};
  const char *exchange = strstr(path, "/copilot_internal/v2/token ");
  if (exchange && exchange < line_end) chosen = (Answer){"200 OK", TOKEN, NULL, NULL};
  return chosen;
}

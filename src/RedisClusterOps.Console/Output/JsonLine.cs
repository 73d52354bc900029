using System;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace RedisClusterOps.Console.Output;

/// <summary>The objects as JSON, one line each: names as the properties are spelled, enums by name, time spans as text, a cluster as its endpoints.</summary>
internal static class JsonLine
{
    // The line goes to a terminal or a pipe, never into a web page: no need to escape quotes and '<' beyond what JSON asks.
    private static readonly JsonSerializerOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(), new SessionConverter(), new FailureConverter() },
    };

    public static string Of<T>(T value) => JsonSerializer.Serialize(value, Options);

    private sealed class SessionConverter : JsonConverter<RedisClusterSession>
    {
        public override RedisClusterSession Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            RedisClusterSession.Parse(reader.GetString() ?? string.Empty);

        public override void Write(Utf8JsonWriter writer, RedisClusterSession value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }

    // An exception as such can't be written: its stack is nobody's business, and holds what no JSON can.
    private sealed class FailureConverter : JsonConverter<RedisOperationException>
    {
        public override RedisOperationException Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, RedisOperationException value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, new { value.Code, value.Message, value.Subject, value.NextStep }, options);
    }
}

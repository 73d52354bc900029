using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The copy of a key on one side: type, value and time to live.</summary>
/// <param name="Type">The reply to TYPE.</param>
/// <param name="Dump">The reply to DUMP; null if the value is large, or the server can't dump it: Garnet dumps only strings.</param>
/// <param name="TimeToLive">Null if the key has no expiry.</param>
internal sealed record KeyCopy(string Type, byte[]? Dump, TimeSpan? TimeToLive)
{
    // The expiry is sent as the remaining time, so it shifts by the duration of the transfer.
    private static readonly TimeSpan ExpiryTolerance = TimeSpan.FromSeconds(2);

    // Measured: DUMP of a hash of 2.2 million fields blocks its node for a second. Larger values are compared in pieces.
    private const long LargestDumped = 1024 * 1024;

    /// <summary>The reply to MEMORY USAGE; null if it is unknown.</summary>
    public long? Memory { get; init; }

    /// <returns>Null if the key does not exist.</returns>
    public static async Task<KeyCopy?> ReadAsync(SlotSide side, byte[] key, StopRequest stop)
    {
        var memory = await MemoryAsync(side, key, stop).ConfigureAwait(false);
        RespCommand[] dump = memory > LargestDumped ? [] : [RespCommand.Of("DUMP", key)];
        // TYPE is last: a key that exists then, but has no dump, existed all the time.
        RespCommand[] questions = [.. dump, RespCommand.Of("PTTL", key), RespCommand.Of("TYPE", key)];
        var replies = await AskAsync(side, stop, questions).ConfigureAwait(false);
        var type = replies[replies.Count - 1];
        if (type.IsNull || type.Text == "none")
            return null;
        var left = replies[replies.Count - 2].Integer;
        return new KeyCopy(
            Printable.Clean(type.Text, 40),
            dump.Length == 0 || replies[0].IsNull ? null : replies[0].Bytes,
            left < 0 ? null : TimeSpan.FromMilliseconds(left)) { Memory = memory };
    }

    /// <summary>The memory that the value takes; null if the key is missing, or the user or the server does not allow it.</summary>
    public static async Task<long?> MemoryAsync(SlotSide side, byte[] key, StopRequest stop)
    {
        var usage = RespCommand.Of("MEMORY", "USAGE", key);
        RespCommand[] sent = side.Asks ? [RespCommand.Of("ASKING"), usage] : [usage];
        var replies = await side.Connection.ReadWithRetryAsync(sent, stop.Clock, stop.Abort).ConfigureAwait(false);
        var reply = replies[replies.Count - 1];
        return reply.Kind == RespKind.Integer ? reply.Integer : null;
    }

    /// <summary>The value as RESTORE takes it, however large it is; null if the server can't dump it.</summary>
    /// <exception cref="RedisOperationException">ReplyTooLarge: it is larger than the limit of a reply.</exception>
    public static async Task<byte[]?> DumpAsync(SlotSide side, byte[] key, StopRequest stop)
    {
        var reply = (await AskAsync(side, stop, RespCommand.Of("DUMP", key)).ConfigureAwait(false))[0];
        return reply.IsNull ? null : reply.Bytes;
    }

    /// <summary>
    /// Sends commands, each after an ASKING if the node only imports the slot. An error is thrown unless it means that the key has moved.
    /// </summary>
    public static async Task<IReadOnlyList<RespValue>> AskAsync(SlotSide side, StopRequest stop, params RespCommand[] commands)
    {
        var (connection, asking) = side;
        var sent = asking ? commands.SelectMany(command => new[] { RespCommand.Of("ASKING"), command }).ToArray() : commands;
        var replies = await connection.ReadWithRetryAsync(sent, stop.Clock, stop.Abort).ConfigureAwait(false);
        // Without the permission for ASKING, every other reply would be a redirect.
        if (asking)
            replies[0].OrThrow(connection.Endpoint, sent[0]);
        var answers = asking ? replies.Where((_, i) => i % 2 == 1).ToList() : replies;
        for (var i = 0; i < commands.Length; i++)
        {
            var left = answers[i].IsError && ServerErrors.StartsWith(answers[i].Text, "ASK ");
            if (!left)
                answers[i].OrThrow(connection.Endpoint, commands[i]);
        }

        return answers.Select(answer => answer.IsError ? RespValue.Null : answer).ToList();
    }

    /// <summary>True if both expire at the same time, within the tolerance of a transfer.</summary>
    public bool ExpiresWith(KeyCopy other) => (TimeToLive, other.TimeToLive) switch
    {
        (null, null) => true,
        ({ } mine, { } theirs) => (mine - theirs).Duration() <= ExpiryTolerance,
        _ => false,
    };

    /// <summary>Such as <c>string, 12 bytes, no expiry</c>.</summary>
    public override string ToString()
    {
        var size = Dump is not null ? Dump.Length.ToString(CultureInfo.InvariantCulture) + " bytes"
            : Memory is { } bytes ? (bytes / 1048576.0).ToString("0.#", CultureInfo.InvariantCulture) + " MB of memory"
            : "of unknown size";
        var expiry = TimeToLive is { } left
            ? "expires in " + left.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s"
            : "no expiry";
        return Type + ", " + size + ", " + expiry;
    }
}

/// <summary>Compares keys and members as bytes.</summary>
internal sealed class KeyBytes : IEqualityComparer<byte[]>
{
    public static KeyBytes Comparer { get; } = new();

    public bool Equals(byte[]? x, byte[]? y)
    {
        if (ReferenceEquals(x, y))
            return true;
        if (x is null || y is null || x.Length != y.Length)
            return false;
        for (var i = 0; i < x.Length; i++)
        {
            if (x[i] != y[i])
                return false;
        }

        return true;
    }

    // FNV-1a.
    public int GetHashCode(byte[] obj)
    {
        unchecked
        {
            var hash = (int)2166136261;
            foreach (var b in obj)
                hash = (hash ^ b) * 16777619;
            return hash;
        }
    }
}

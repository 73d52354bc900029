using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The copy of a key on one side: type, value and time to live.</summary>
/// <param name="Type">The reply to TYPE.</param>
/// <param name="Dump">The reply to DUMP; null if the server can't dump it: Garnet dumps only strings.</param>
/// <param name="TimeToLive">Null if the key has no expiry.</param>
internal sealed record KeyCopy(string Type, byte[]? Dump, TimeSpan? TimeToLive)
{
    // The expiry is sent as the remaining time, so it shifts by the duration of the transfer.
    private static readonly TimeSpan ExpiryTolerance = TimeSpan.FromSeconds(2);

    /// <returns>Null if the key does not exist.</returns>
    public static async Task<KeyCopy?> ReadAsync(SlotSide side, byte[] key, StopRequest stop)
    {
        // TYPE is last: a key that exists then, but has no dump, existed all the time.
        var replies = await AskAsync(
            side, stop, RespCommand.Of("DUMP", key), RespCommand.Of("PTTL", key), RespCommand.Of("TYPE", key)).ConfigureAwait(false);
        if (replies[2].IsNull || replies[2].Text == "none")
            return null;
        var left = replies[1].Integer;
        return new KeyCopy(
            Printable.Clean(replies[2].Text, 40),
            replies[0].IsNull ? null : replies[0].Bytes,
            left < 0 ? null : TimeSpan.FromMilliseconds(left));
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
        var size = Dump is null ? "of unknown size" : Dump.Length.ToString(CultureInfo.InvariantCulture) + " bytes";
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

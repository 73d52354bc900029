using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>One side's copy of a key: what it is, how big, how long it lives.</summary>
/// <param name="Type">By TYPE.</param>
/// <param name="Dump">The value as DUMP gives it; null where the server has no dump of it, as Garnet has of strings only.</param>
/// <param name="TimeToLive">Null for a key without expiry.</param>
internal sealed record KeyCopy(string Type, byte[]? Dump, TimeSpan? TimeToLive)
{
    // A copy's expiry is sent as time left, so it shifts by what the transfer took.
    private static readonly TimeSpan ExpiryTolerance = TimeSpan.FromSeconds(2);

    /// <returns>Null where the key is not there (any more).</returns>
    public static async Task<KeyCopy?> ReadAsync(SlotSide side, byte[] key, StopRequest stop)
    {
        // The type last of all: a key that is there then, but gave no dump, was there all the time.
        var replies = await AskAsync(
            side, stop, RespCommand.Of("DUMP", key), RespCommand.Of("PTTL", key), RespCommand.Of("TYPE", key)).ConfigureAwait(false);
        if (replies[2].IsNull || replies[2].Text == "none")
            return null;
        var left = replies[1].Integer;
        return new KeyCopy(
            Printable.Clean(replies[2].Text, 40), replies[0].IsNull ? null : replies[0].Bytes, left < 0 ? null : TimeSpan.FromMilliseconds(left));
    }

    /// <summary>Sends commands, each behind an ASKING where the slot is only being imported; an error is thrown unless it means that the key has left.</summary>
    public static async Task<IReadOnlyList<RespValue>> AskAsync(SlotSide side, StopRequest stop, params RespCommand[] commands)
    {
        var (connection, asking) = side;
        var sent = asking ? commands.SelectMany(command => new[] { RespCommand.Of("ASKING"), command }).ToArray() : commands;
        var replies = await connection.ReadWithRetryAsync(sent, stop.Clock, stop.Abort).ConfigureAwait(false);
        // Who may not say ASKING would only learn that the key is served elsewhere.
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

    /// <summary>True where both live equally long, as far as a transfer lets one tell.</summary>
    public bool ExpiresWith(KeyCopy other) => (TimeToLive, other.TimeToLive) switch
    {
        (null, null) => true,
        ({ } mine, { } theirs) => (mine - theirs).Duration() <= ExpiryTolerance,
        _ => false,
    };

    /// <summary>For people: <c>string, 12 bytes, no expiry</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture,
        "{0}, {1}, {2}",
        Type, Dump is null ? "of unknown size" : Dump.Length.ToString(CultureInfo.InvariantCulture) + " bytes", TimeToLive is { } left ? "expires in " + left.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s" : "no expiry");
}

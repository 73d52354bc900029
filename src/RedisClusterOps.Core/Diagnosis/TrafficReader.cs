using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>Measures what nodes do, from the difference of two readings of INFO.</summary>
internal sealed class TrafficReader(ClusterReader reader, RedisClusterSession session, IReadOnlyList<ClusterNode> nodes)
{
    // One command has the counters, the number of clients and the id of the process. A server before Redis 7.0 takes one section at a time.
    private static readonly RespCommand Info = RespCommand.Of("INFO");

    // The protocol's own bytes around the command, and around its reply.
    private const int RequestLength = 14;
    private const int ReplyOverhead = 9;

    private IReadOnlyList<Reading>? _last;
    private TimeSpan _due;

    /// <summary>Measures one interval. It begins with the end of the interval before, if there was one.</summary>
    /// <exception cref="RedisOperationException">PermissionDenied: the user may not run INFO.</exception>
    public async Task<IReadOnlyList<RedisClusterTraffic>> NextAsync(TimeSpan interval, CancellationToken cancellation)
    {
        if (_last is null)
        {
            _last = await ReadAsync(cancellation).ConfigureAwait(false);
            _due = reader.Clock.Now;
        }

        // A late reading does not move the later ones, unless a whole interval was lost.
        _due += interval;
        var wait = _due - reader.Clock.Now;
        if (wait > TimeSpan.Zero)
            await reader.Clock.PauseAsync(wait, cancellation).ConfigureAwait(false);
        else
            _due = reader.Clock.Now;
        var before = _last;
        _last = await ReadAsync(cancellation).ConfigureAwait(false);
        var time = reader.Clock.UtcNow;
        return before.Zip(_last, (first, second) => Between(first, second) with { Time = time, Cluster = session }).ToList();
    }

    /// <summary>The difference of two readings of one node.</summary>
    internal static RedisClusterTraffic Between(Reading before, Reading after)
    {
        var traffic = new RedisClusterTraffic
        {
            Node = after.Node.Name,
            NodeId = after.Node.Id,
            Interval = after.At - before.At,
            ConnectedClients = after.Facts.Number("connected_clients"),
            BlockedClients = after.Facts.Number("blocked_clients"),
            MovedReplies = after.Facts.ErrorReplies("MOVED"),
        };
        if (after.Trouble is not null || before.Trouble is not null)
            return traffic with { Trouble = after.Trouble ?? "it did not answer at the beginning of the interval" };
        const string Commands = "total_commands_processed";
        if (before.Facts.RunId != after.Facts.RunId)
            return traffic with { Trouble = "it restarted in the interval" };
        if (Fell(before.Facts.Number(Commands), after.Facts.Number(Commands)))
            return traffic with { Trouble = "its counters were reset in the interval" };
        var seconds = (after.At - before.At).TotalSeconds;
        traffic = traffic with
        {
            // A server counts a command and its reply when both are done: of our own, the reading before.
            OperationsPerSecond = Rate(facts => facts.Number(Commands), own: 1),
            InputBytesPerSecond = Rate(facts => facts.Number("total_net_input_bytes"), RequestLength),
            OutputBytesPerSecond = Rate(facts => facts.Number("total_net_output_bytes"), before.Length + ReplyOverhead),
            RejectedConnections = (long?)Difference(facts => facts.Number("rejected_connections")),
            MovedPerSecond = Rate(facts => facts.ErrorReplies("MOVED")),
            AskPerSecond = Rate(facts => facts.ErrorReplies("ASK")),
            TryAgainPerSecond = Rate(facts => facts.ErrorReplies("TRYAGAIN")),
            ClusterDownPerSecond = Rate(facts => facts.ErrorReplies("CLUSTERDOWN")),
            CrossSlotPerSecond = Rate(facts => facts.ErrorReplies("CROSSSLOT")),
        };
        return traffic with { Trouble = ErrorsIn(traffic), Next = NextOf(traffic) };

        double? Rate(Func<ServerFacts, long?> counter, long own = 0) => Difference(counter) is { } difference && seconds > 0
            ? Math.Round(Math.Max(0, difference - own) / seconds, 1)
            : null;

        double? Difference(Func<ServerFacts, long?> counter) =>
            counter(before.Facts) is { } first && counter(after.Facts) is { } second && second >= first ? (double)second - first : null;
    }

    private static bool Fell(long? before, long? after) => before is { } first && after is { } second && second < first;

    // MOVED and ASK alone are normal while slots move: a client with cluster support follows them.
    private static string? ErrorsIn(RedisClusterTraffic traffic)
    {
        (string Name, double? Rate)[] errors =
        [
            ("TRYAGAIN", traffic.TryAgainPerSecond), ("CLUSTERDOWN", traffic.ClusterDownPerSecond),
            ("CROSSSLOT", traffic.CrossSlotPerSecond),
        ];
        var shown = errors.Where(error => error.Rate > 0)
            .Select(error => error.Rate!.Value.ToString("0.#", CultureInfo.InvariantCulture) + " " + error.Name + "/s")
            .ToList();
        return shown.Count == 0 ? null : string.Join(", ", shown);
    }

    private static NextAction? NextOf(RedisClusterTraffic traffic) =>
        traffic.ClusterDownPerSecond > 0 ? new NextAction(NextActionCode.CheckCluster)
        : traffic.TryAgainPerSecond > 0 ? new NextAction(NextActionCode.ShowOpenSlots)
        : traffic.CrossSlotPerSecond > 0 ? new NextAction(NextActionCode.FindSlotOfKey)
        {
            Note = "the keys of one command need one slot: give them the same hash tag, as in {user1}:name",
        }
        : null;

    private async Task<IReadOnlyList<Reading>> ReadAsync(CancellationToken cancellation)
    {
        return await FanOut.AllAsync(nodes, ReadOneAsync, cancellation).ConfigureAwait(false);

        async Task<Reading> ReadOneAsync(ClusterNode node)
        {
            try
            {
                var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
                var reply = await connection.SendAsync(Info, cancellation, session.ConnectTimeout).ConfigureAwait(false);
                return new Reading(node, ServerFacts.Parse(reply.Text), reader.Clock.Now) { Length = reply.Bytes.Length };
            }
            catch (RedisOperationException failure) when (failure.Code != FailureCode.PermissionDenied)
            {
                return new Reading(node, ServerFacts.None, reader.Clock.Now) { Trouble = failure.Message.TrimEnd('.') };
            }
        }
    }

    /// <summary>One reading of one node.</summary>
    /// <param name="Node">The node.</param>
    /// <param name="Facts">What INFO says.</param>
    /// <param name="At">When it was read.</param>
    internal sealed record Reading(ClusterNode Node, ServerFacts Facts, TimeSpan At)
    {
        /// <summary>The size of the reply, in bytes.</summary>
        public int Length { get; init; }

        /// <summary>Why it was not read; null if it was.</summary>
        public string? Trouble { get; init; }
    }
}

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>Measures the links from this machine to the nodes, and reads the links between the nodes from the nodes.</summary>
internal sealed class LinkReader(ClusterReader reader, RedisClusterSession session)
{
    // More at once would measure the load of this machine.
    private const int MostAtOnce = 4;

    // A node that does not answer would otherwise cost one timeout for each round trip.
    private const int MostLostInARow = 2;

    private static readonly RespCommand Ping = RespCommand.Of("PING");
    private static readonly RespCommand Time = RespCommand.Of("TIME");
    private static readonly RespCommand ClusterNodes = RespCommand.Of("CLUSTER", "NODES");
    private static readonly RespCommand ClusterLinks = RespCommand.Of("CLUSTER", "LINKS");

    public Task<IReadOnlyList<RedisClusterLink>> FromHereAsync(
        IReadOnlyList<ClusterNode> nodes, int count, CancellationToken cancellation) =>
        InTurnsAsync(nodes, node => MeasureAsync(node, count, cancellation), cancellation);

    /// <summary>Reads the links between nodes from every reachable node, limited to links from or to a chosen node.</summary>
    public async Task<IReadOnlyList<RedisClusterLink>> BetweenNodesAsync(
        ClusterView view, IReadOnlyList<ClusterNode> chosen, CancellationToken cancellation)
    {
        var ids = new HashSet<string>(chosen.Select(node => node.Id), StringComparer.Ordinal);
        var asked = view.Nodes.Where(node => node.IsReachable).ToList();
        var links = await InTurnsAsync(asked, node => AskAsync(view, node, cancellation), cancellation).ConfigureAwait(false);
        return links.SelectMany(ofNode => ofNode).Where(link => ids.Contains(link.SourceId!) || ids.Contains(link.TargetId)).ToList();
    }

    private static async Task<IReadOnlyList<T>> InTurnsAsync<T>(
        IReadOnlyList<ClusterNode> nodes, Func<ClusterNode, Task<T>> step, CancellationToken cancellation)
    {
        using var places = new SemaphoreSlim(MostAtOnce);
        var ordered = nodes.OrderBy(node => node.Announced).ThenBy(node => node.Id, StringComparer.Ordinal);
        return await Task.WhenAll(ordered.Select(InTurn)).ConfigureAwait(false);

        async Task<T> InTurn(ClusterNode node)
        {
            await places.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                return await step(node).ConfigureAwait(false);
            }
            finally
            {
                places.Release();
            }
        }
    }

    private async Task<RedisClusterLink> MeasureAsync(ClusterNode node, int count, CancellationToken cancellation)
    {
        // Reading the cluster already waited for this node.
        if (!node.IsReachable)
            return Measured(node, 1, [], node.Trouble);
        var trips = new List<double>();
        var (sent, lostInARow) = (0, 0);
        string? trouble = null;
        // The first round trip is not counted: it would measure the warm-up of this process.
        for (var isCounted = false; sent < count && lostInARow < MostLostInARow; isCounted = true)
        {
            try
            {
                sent += isCounted ? 1 : 0;
                var time = await PingAsync(node, cancellation).ConfigureAwait(false);
                if (isCounted)
                    trips.Add(time.TotalMilliseconds);
                lostInARow = 0;
            }
            catch (RedisOperationException lost)
            {
                sent += isCounted ? 0 : 1;
                trouble = lost.Message.TrimEnd('.');
                lostInARow++;
            }
        }

        return Measured(node, sent, trips, trouble);
    }

    private async Task<TimeSpan> PingAsync(ClusterNode node, CancellationToken cancellation)
    {
        var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
        var before = reader.Clock.Now;
        await connection.SendAsync([Ping], session.ConnectTimeout, cancellation).ConfigureAwait(false);
        return reader.Clock.Now - before;
    }

    private RedisClusterLink Measured(ClusterNode node, int sent, List<double> trips, string? trouble)
    {
        var sorted = trips.OrderBy(trip => trip).ToList();
        return new RedisClusterLink
        {
            Kind = LinkKind.ClientToNode,
            Source = "client",
            Target = node.Name,
            TargetId = node.Id,
            State = trips.Count > 0 ? LinkState.Connected : LinkState.Disconnected,
            Sent = sent,
            Received = trips.Count,
            Loss = Math.Round(100.0 * (sent - trips.Count) / sent, 1),
            Min = Rounded(sorted.Select(trip => (double?)trip).FirstOrDefault()),
            Mean = Rounded(trips.Count > 0 ? trips.Average() : null),
            P99 = Rounded(sorted.Count > 0 ? sorted[(int)Math.Ceiling(0.99 * sorted.Count) - 1] : null),
            Max = Rounded(sorted.Count > 0 ? sorted[sorted.Count - 1] : null),
            Jitter = Rounded(trips.Count > 1 ? trips.Skip(1).Zip(trips, (later, earlier) => Math.Abs(later - earlier)).Average() : null),
            Trouble = trouble,
            Cluster = session,
        };
    }

    private async Task<IReadOnlyList<RedisClusterLink>> AskAsync(ClusterView view, ClusterNode node, CancellationToken cancellation)
    {
        try
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            RespCommand[] commands = ListsLinks(node.View!.Facts) ? [Time, ClusterNodes, ClusterLinks] : [Time, ClusterNodes];
            var replies = await connection.SendAsync(commands, session.ConnectTimeout, cancellation).ConfigureAwait(false);
            var now = replies[0].IsError ? null : ServerTime.Of(replies[0]);
            var lines = ClusterNodesParser.Parse(replies[1].OrThrow(connection.Endpoint, ClusterNodes).Text);
            var bus = replies.Count < 3 || replies[2].IsError ? [] : BusLink.ParseAll(replies[2]).Where(link => link.IsOutgoing).ToList();
            return lines.Where(line => (line.Flags & NodeFlags.Myself) == 0).OrderBy(line => line.Endpoint)
                .Select(line => LinkOf(view, node, line, bus.FirstOrDefault(link => link.NodeId == line.Id), now))
                .ToList();
        }
        catch (RedisOperationException)
        {
            // The link from this machine to the node shows that it does not answer.
            return [];
        }
    }

    private RedisClusterLink LinkOf(ClusterView view, ClusterNode node, NodeLine line, BusLink? bus, DateTime? now) => new()
    {
        Kind = LinkKind.NodeToNode,
        Source = node.Name,
        SourceId = node.Id,
        Target = view.Node(line.Id)?.Name ?? line.Endpoint?.ToString() ?? line.Id,
        TargetId = line.Id,
        State = line.Connected ? LinkState.Connected : LinkState.Disconnected,
        SendQueue = bus?.SendQueue,
        Age = Since(now, bus?.Created),
        PingAge = Since(now, ServerTime.Of(line.PingSent)),
        PongAge = Since(now, ServerTime.Of(line.PongReceived)),
        Trouble = line.Connected ? null : "the node has no bus link to it" + (line.Flags & (NodeFlags.Fail | NodeFlags.PFail)) switch
        {
            NodeFlags.None => string.Empty,
            NodeFlags.PFail => ", and can't reach it",
            _ => ", and reports it as failed",
        },
        Cluster = session,
    };

    private static bool ListsLinks(ServerFacts facts) =>
        facts.Engine == ServerEngine.Valkey || (facts.Engine == ServerEngine.Redis && facts.IsAtLeast(7, 0));

    // The server's clock may be set back.
    private static TimeSpan? Since(DateTime? now, DateTime? then) =>
        now - then is { } time ? (time > TimeSpan.Zero ? time : TimeSpan.Zero) : null;

    private static double? Rounded(double? milliseconds) => milliseconds is { } known ? Math.Round(known, 3) : null;

    /// <summary>One entry of CLUSTER LINKS. Every node has one link to each other node, and one from it.</summary>
    private sealed record BusLink(bool IsOutgoing, string NodeId, DateTime? Created, long? SendQueue)
    {
        public static IEnumerable<BusLink> ParseAll(RespValue reply) => reply.Items.Select(item =>
        {
            var created = ServerTime.Of(Number("create-time") ?? 0);
            return new BusLink(Text("direction") == "to", Text("node"), created, Number("send-buffer-used"));

            string Text(string name) => item.Field(name)?.Text ?? string.Empty;

            long? Number(string name) =>
                long.TryParse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        });
    }
}

/// <summary>Times as servers report them: milliseconds since 1970, by their own clock.</summary>
internal static class ServerTime
{
    private static readonly DateTime Epoch = new(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    // Garnet counts in another unit from another year. A time outside this range is no time.
    private const long Earliest = 1_230_768_000_000; // 2009: before there were clusters
    private const long Latest = 7_258_118_400_000; // 2200

    /// <returns>Null if the value means never or is not a time.</returns>
    public static DateTime? Of(long milliseconds) => milliseconds is >= Earliest and <= Latest ? Epoch.AddMilliseconds(milliseconds) : null;

    /// <summary>The reply of TIME: seconds, and microseconds of the second.</summary>
    public static DateTime? Of(RespValue reply) =>
        reply.Items.Count == 2 && long.TryParse(reply.Items[0].Text, out var seconds) && long.TryParse(reply.Items[1].Text, out var micro)
            && seconds is > 0 and < Latest / 1000
            ? Of(seconds * 1000 + micro / 1000)
            : null;
}

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Detects whether another tool is changing slots now.</summary>
/// <remarks>
/// A client whose last command changed slots may have finished, so that alone is a suspicion. It is confirmed if more such commands
/// arrive while this module only watches. Only a suspicion costs that wait.
/// </remarks>
internal sealed class OtherToolDetector(NodeProbe probe)
{
    private const string CountPrefix = "cmdstat_";

    // A tool that waits 20 ms for each answer still sends several such commands to the masters in this time.
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(125);

    private static readonly RespCommand Clients = RespCommand.Of("CLIENT", "LIST");
    private static readonly RespCommand Counts = RespCommand.Of("INFO", "commandstats");

    // Plain 'cluster' (before Redis 7.0) is missing: clients use it to read the slot map as well.
    private static readonly HashSet<string> SlotCommands = new(StringComparer.OrdinalIgnoreCase)
    {
        "migrate", "restore-asking", "cluster|setslot", "cluster|addslots", "cluster|addslotsrange",
        "cluster|delslots", "cluster|delslotsrange", "cluster|flushslots", "cluster|bumpepoch",
    };

    /// <summary>The masters that refused to list their clients when <see cref="FindAsync"/> asked.</summary>
    public IReadOnlyList<ClusterNode> Unseen { get; private set; } = [];

    /// <returns>The other tool; null if there is none, or if no node shows its clients.</returns>
    public async Task<OtherTool?> FindAsync(ClusterView view, CancellationToken cancellation)
    {
        var seen = await ObserveAsync(view.Masters.Where(node => node.IsReachable), withCounts: false, cancellation).ConfigureAwait(false);
        Unseen = seen.Where(observation => observation.IsRefused).Select(observation => observation.Node).ToList();
        var suspected = seen.Where(observation => observation.Suspects.Count > 0).Select(observation => observation.Node).ToList();
        if (suspected.Count == 0)
            return null;
        var first = await ObserveAsync(suspected, withCounts: true, cancellation).ConfigureAwait(false);
        await probe.Clock.PauseAsync(Window, cancellation).ConfigureAwait(false);
        var second = await ObserveAsync(suspected, withCounts: true, cancellation).ConfigureAwait(false);
        return first.Zip(second, (before, after) => (before, after))
            .Where(pair => Continues(pair.before, pair.after))
            .SelectMany(pair => pair.before.Suspects.Concat(pair.after.Suspects)
                .Concat(seen.Single(observation => observation.Node.Id == pair.before.Node.Id).Suspects)
                .Select(client => (pair.before.Node, Client: client)))
            // A client that moves keys or sets flags is named before one that only lists keys.
            .OrderBy(found => found.Client.Command.StartsWith("cluster|get", StringComparison.Ordinal))
            .ThenBy(found => found.Client.Idle)
            .Select(found => new OtherTool(found.Node, found.Client))
            .FirstOrDefault();
    }

    // A run that was killed a moment ago may still be listed, so a run counts if it is listed twice.
    private static bool Continues(Observation before, Observation after) =>
        before.Suspects.Any(client => client.IsOtherRun && after.Suspects.Any(again => again.Id == client.Id))
        || (before.Calls is { } earlier && after.Calls is { } later
            ? later > earlier
            : after.Suspects.Any(client => before.Suspects.Any(known => known.Id == client.Id && known.Commands < client.Commands)));

    private async Task<IReadOnlyList<Observation>> ObserveAsync(
        IEnumerable<ClusterNode> nodes, bool withCounts, CancellationToken cancellation)
    {
        return await FanOut.AllAsync(nodes, ObserveNodeAsync, cancellation).ConfigureAwait(false);

        async Task<Observation> ObserveNodeAsync(ClusterNode node)
        {
            var replies = await probe.AskAsync(node, withCounts ? [Clients, Counts] : [Clients], cancellation).ConfigureAwait(false);
            return new Observation(
                node,
                replies is null || replies[0].IsError ? [] : ClientLine.Parse(replies[0].Text).Where(client => client.IsSuspect).ToList(),
                replies is null || !withCounts || replies[1].IsError ? null : CallsIn(replies[1].Text),
                replies is not null && replies[0].IsError);
        }
    }

    // cmdstat_cluster|setslot:calls=3,usec=80,…
    private static long CallsIn(string statistics) => ServerFacts.ParseFields(statistics)
        .Where(field => field.Key.StartsWith(CountPrefix, StringComparison.Ordinal))
        .Where(field => SlotCommands.Contains(field.Key.Substring(CountPrefix.Length)))
        .Select(field => field.Value.Split(',')[0].Split('='))
        .Sum(calls => calls.Length == 2 && Count(calls[1]) is { } count ? count : 0);

    private static long? Count(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;

    /// <param name="Node">The node.</param>
    /// <param name="Suspects">Its clients that may be changing slots.</param>
    /// <param name="Calls">How many commands that change slots it has run since it started; null if it did not say.</param>
    /// <param name="IsRefused">True if it refused to list its clients.</param>
    private sealed record Observation(ClusterNode Node, IReadOnlyList<ClientLine> Suspects, long? Calls, bool IsRefused);
}

/// <summary>Another tool that is changing slots now.</summary>
/// <param name="Node">The node that it is connected to.</param>
/// <param name="Client">Its line of CLIENT LIST.</param>
internal sealed record OtherTool(ClusterNode Node, ClientLine Client);

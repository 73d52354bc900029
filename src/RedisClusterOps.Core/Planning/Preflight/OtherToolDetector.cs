using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Finds out whether somebody else is changing slots at this moment.</summary>
/// <remarks>
/// Whoever sent such a command a moment ago may be a person who is through with it, so that alone is a suspicion. It is confirmed when
/// these commands go on while we only watch. Only a suspicion costs that wait.
/// </remarks>
internal sealed class OtherToolDetector(NodeProbe probe)
{
    private const string CountPrefix = "cmdstat_";

    // A tool that waits 20 ms for each answer still sends several of these to the masters together.
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(125);

    private static readonly RespCommand Clients = RespCommand.Of("CLIENT", "LIST");
    private static readonly RespCommand Counts = RespCommand.Of("INFO", "commandstats");

    // Plain 'cluster', as before 7.0, is also what clients ask for the slots with.
    private static readonly HashSet<string> SlotCommands = new(StringComparer.OrdinalIgnoreCase)
    {
        "migrate", "restore-asking", "cluster|setslot", "cluster|addslots", "cluster|addslotsrange", "cluster|delslots", "cluster|delslotsrange", "cluster|flushslots", "cluster|bumpepoch",
    };

    /// <returns>Null where nobody is, or nobody can be seen.</returns>
    public async Task<OtherTool?> FindAsync(ClusterView view, CancellationToken cancellation)
    {
        var seen = await LookAsync(view.Masters.Where(node => node.IsReachable), withCounts: false, cancellation).ConfigureAwait(false);
        var suspected = seen.Where(look => look.Suspects.Count > 0).Select(look => look.Node).ToList();
        if (suspected.Count == 0)
            return null;
        var first = await LookAsync(suspected, withCounts: true, cancellation).ConfigureAwait(false);
        await probe.Clock.PauseAsync(Window, cancellation).ConfigureAwait(false);
        var second = await LookAsync(suspected, withCounts: true, cancellation).ConfigureAwait(false);
        return first.Zip(second, (before, after) => (before, after))
            .Where(pair => GoesOn(pair.before, pair.after))
            .SelectMany(pair => pair.before.Suspects.Concat(pair.after.Suspects)
                .Concat(seen.Single(look => look.Node.Id == pair.before.Node.Id).Suspects)
                .Select(client => (pair.before.Node, Client: client)))
            // Nearest to the deed: who moves or sets is named before who only lists keys.
            .OrderBy(found => found.Client.Command.StartsWith("cluster|get", StringComparison.Ordinal))
            .ThenBy(found => found.Client.Idle)
            .Select(found => new OtherTool(found.Node, found.Client))
            .FirstOrDefault();
    }

    private static bool GoesOn(Look before, Look after) => before.Calls is { } earlier && after.Calls is { } later
        ? later > earlier
        : after.Suspects.Any(client => before.Suspects.Any(known => known.Id == client.Id && known.Commands < client.Commands));

    private async Task<IReadOnlyList<Look>> LookAsync(IEnumerable<ClusterNode> nodes, bool withCounts, CancellationToken cancellation)
    {
        return await FanOut.AllAsync(nodes, LookAtAsync, cancellation).ConfigureAwait(false);

        async Task<Look> LookAtAsync(ClusterNode node)
        {
            var replies = await probe.AskAsync(node, withCounts ? [Clients, Counts] : [Clients], cancellation).ConfigureAwait(false);
            return new Look(
                node,
                replies is null || replies[0].IsError ? [] : ClientLine.Parse(replies[0].Text).Where(client => client.IsSuspect).ToList(),
                replies is null || !withCounts || replies[1].IsError ? null : CallsIn(replies[1].Text));
        }
    }

    // cmdstat_cluster|setslot:calls=3,usec=80,…
    private static long CallsIn(string statistics) => ServerFacts.ParseFields(statistics)
        .Where(field => field.Key.StartsWith(CountPrefix, StringComparison.Ordinal) && SlotCommands.Contains(field.Key.Substring(CountPrefix.Length)))
        .Select(field => field.Value.Split(',')[0].Split('='))
        .Sum(calls => calls.Length == 2 && long.TryParse(calls[1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0);

    /// <param name="Node">Whom we asked.</param>
    /// <param name="Suspects">Its clients that may be changing slots.</param>
    /// <param name="Calls">How often slots were changed on it, ever; null where it did not tell.</param>
    private sealed record Look(ClusterNode Node, IReadOnlyList<ClientLine> Suspects, long? Calls);
}

using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Asks the nodes whether our user may run what a plan consists of, so that it does not stop between two steps.</summary>
internal sealed class CommandRights(NodeProbe probe)
{
    private readonly Dictionary<string, string?> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<(string NodeId, string User, string Command), string?> _answers = [];
    private readonly HashSet<string> _untold = new(StringComparer.Ordinal);

    /// <param name="anyKey">A key that is to move: rights may depend on names. Null where none is known.</param>
    /// <param name="atomic">Where the servers are to move the slots themselves: both ends. Null elsewhere.</param>
    public async Task<IReadOnlyList<DeniedCommand>> FindDeniedAsync(
        ClusterView view, IReadOnlyList<SlotAction> actions, byte[]? anyKey, (ClusterNode Source, ClusterNode Target)? atomic, CancellationToken cancellation)
    {
        var denied = new List<DeniedCommand>();
        var needs = actions.SelectMany(action => RequiredRights.Of(view, action, anyKey));
        if (atomic is { } ends)
            needs = needs.Concat(RequiredRights.OfAtomic(ends.Source, ends.Target));
        foreach (var group in needs.GroupBy(need => need.Node.Id))
            denied.AddRange(await AskAsync(group.First().Node, group.ToList(), anyKey is not null, cancellation).ConfigureAwait(false));
        return denied;
    }

    /// <summary>The nodes among these that do not let us ask, so that a missing right would only show half-way.</summary>
    public IEnumerable<ClusterNode> Untold(IEnumerable<ClusterNode> nodes) => nodes.Where(node => _untold.Contains(node.Id));

    private async Task<IEnumerable<DeniedCommand>> AskAsync(ClusterNode node, IReadOnlyList<RequiredRight> needs, bool keyKnown, CancellationToken cancellation)
    {
        if (node.View?.Facts.Engine is null or ServerEngine.Garnet)
            return [];
        // ACL DRYRUN came with Redis 7.0. Before, only what the server does not know at all can be told.
        var ours = CanTell(node) ? await UserAsync(node, cancellation).ConfigureAwait(false) ?? string.Empty : string.Empty;
        var asked = needs.Select(need => (Key: (node.Id, need.User ?? ours, need.Name), need.Arguments)).GroupBy(need => need.Key).Select(group => group.First()).ToList();
        var unanswered = asked.Where(need => !_answers.ContainsKey(need.Key)).ToList();
        if (unanswered.Count > 0)
        {
            var replies = ours.Length == 0 ? null : await probe.AskAsync(
                node, unanswered.Select(need => RespCommand.Of(["ACL", "DRYRUN", need.Key.Item2, .. need.Arguments])).ToList(), cancellation).ConfigureAwait(false);
            var isUntold = replies is null || replies.All(reply => reply.IsError && !IsUnknown(reply));
            if (isUntold)
                _untold.Add(node.Id);
            for (var i = 0; i < unanswered.Count; i++)
                _answers[unanswered[i].Key] = replies is null ? null : ReasonIn(replies[i], keyKnown);
            if (isUntold)
                await FindUnknownAsync(node, unanswered.Select(need => need.Key).ToList(), cancellation).ConfigureAwait(false);
        }

        return asked.Where(need => _answers[need.Key] is not null)
            .Select(need => new DeniedCommand(node, need.Key.Item2, need.Key.Name, _answers[need.Key]!));
    }

    // A managed service may keep ACL to itself, too. It takes commands away by renaming them, so the server does not know them.
    private async Task FindUnknownAsync(ClusterNode node, List<(string NodeId, string User, string Command)> needs, CancellationToken cancellation)
    {
        var names = needs.Select(need => need.Command.Split(' ')[0]).Distinct(StringComparer.Ordinal).ToList();
        var replies = await probe.AskAsync(node, [RespCommand.Of(["COMMAND", "INFO", .. names])], cancellation).ConfigureAwait(false);
        if (replies is null || replies[0].Items.Count != names.Count)
            return;
        foreach (var need in needs)
        {
            if (replies[0].Items[names.IndexOf(need.Command.Split(' ')[0])] is { IsNull: true } or { Kind: RespKind.Array, Items.Count: 0 })
                _answers[need] = DeniedCommand.NotThere;
        }
    }

    // A refusal of ACL DRYRUN is a reply, no error; an error says that it could not be tried, or that there is no such command.
    private static string? ReasonIn(RespValue reply, bool keyKnown) =>
        IsUnknown(reply) ? DeniedCommand.NotThere
        : reply.Kind == RespKind.BulkString && (keyKnown || ServerErrors.Contains(reply.Text, "to run the")) ? Printable.Clean(reply.Text, 200) : null;

    // Command 'migrate' not found
    private static bool IsUnknown(RespValue reply) => reply.IsError && ServerErrors.Contains(reply.Text, "' not found") && ServerErrors.Contains(reply.Text, "command '");

    private static bool CanTell(ClusterNode node) => node.View!.Facts.Engine != ServerEngine.Redis || node.View.Facts.IsAtLeast(7, 0);

    private async Task<string?> UserAsync(ClusterNode node, CancellationToken cancellation)
    {
        if (!_users.TryGetValue(node.Id, out var user))
        {
            var replies = await probe.AskAsync(node, [RespCommand.Of("ACL", "WHOAMI")], cancellation).ConfigureAwait(false);
            _users[node.Id] = user = replies is null || replies[0].IsError ? null : replies[0].Text;
        }

        return user;
    }
}

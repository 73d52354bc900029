using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Restores a value that a conflict saved, on the node that serves its key now. The key may have moved since, also while this runs.
/// </summary>
internal sealed class KeyRestore(
    ClusterReader reader,
    ClusterView view,
    Func<ClusterView, int, ClusterNode> ownerOf,
    SavedKey saved,
    bool replaces,
    StopRequest stop)
{
    private readonly int _slot = HashSlot.Of(saved.Key);
    private ClusterView _view = view;

    /// <summary>The folder for the replaced value; null for the user's default.</summary>
    public string? JournalPath { get; init; }

    /// <summary>The cluster that the result names.</summary>
    public RedisClusterSession? Session { get; init; }

    public OperationLog? Log { get; init; }

    private string Name => Printable.Quote(saved.Key);

    public async Task<KeyRestorePlan> PlanAsync()
    {
        var (node, side) = await LocateAsync().ConfigureAwait(false);
        return new KeyRestorePlan
        {
            Path = saved.Path,
            Slot = _slot,
            Name = Name,
            Node = node.Name,
            Replaced = (await ExistingAsync(node, side).ConfigureAwait(false))?.ToString(),
            TimeToLive = Left(),
        };
    }

    /// <returns>The node that has the key now, and the key.</returns>
    public async Task<(ClusterNode Node, RedisSlotKey Key)> RunAsync()
    {
        for (var hasFollowed = false; ; hasFollowed = true)
        {
            var (node, side) = await LocateAsync().ConfigureAwait(false);
            var existing = await ExistingAsync(node, side).ConfigureAwait(false);
            var kept = existing is null ? null : await KeepAsync(node, side, existing).ConfigureAwait(false);
            stop.ThrowIfRequested();
            var commands = CommandsFor(node);
            var reply = await SendAsync(side, commands).ConfigureAwait(false);
            if (ServerErrors.IsRedirect(reply) && !hasFollowed)
            {
                _view = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
                continue;
            }

            if (reply.IsError && ServerErrors.StartsWith(reply.Text, "BUSYKEY"))
                throw Exists(node, null);
            if (reply.IsError && (ServerErrors.Contains(reply.Text, "payload") || ServerErrors.Contains(reply.Text, "Bad data format")))
                throw SavedValue.Unusable(saved.Path, node.Name + " does not accept it: " + Printable.Clean(reply.Text, 200));
            reply.OrThrow(side.Connection.Endpoint, commands[commands.Count - 1]);
            if (kept is not null)
                Log?.Warning(_slot, "Key " + Name + ": the value that was replaced (" + existing + ") is saved. To put it back: " + kept);
            return (node, new RedisSlotKey
            {
                Slot = _slot,
                Name = Name,
                RawName = saved.Key,
                Node = node.Name,
                Database = saved.Database,
                TimeToLive = Left(),
                Cluster = Session,
            });
        }
    }

    // A migrating owner redirects a key that it does not have to the importing node.
    private async Task<(ClusterNode Node, SlotSide Side)> LocateAsync()
    {
        for (var hasFollowed = false; ; hasFollowed = true)
        {
            var owner = ownerOf(_view, _slot);
            var connection = await reader.ConnectAsync(owner, saved.Database, stop.Abort).ConfigureAwait(false);
            var exists = RespCommand.Of("EXISTS", saved.Key);
            var reply = (await connection.ReadWithRetryAsync([exists], stop.Clock, stop.Abort).ConfigureAwait(false))[0];
            if (reply.IsError && ServerErrors.StartsWith(reply.Text, "ASK "))
            {
                var now = await reader.ReadNodeAsync(owner, stop.Abort).ConfigureAwait(false);
                if (now.Self.MigratingTo.TryGetValue(_slot, out var id) && _view.Node(id) is { } target)
                {
                    var importing = await reader.ConnectAsync(target, saved.Database, stop.Abort).ConfigureAwait(false);
                    return (target, new SlotSide(importing, Asks: true));
                }
            }

            if (ServerErrors.IsRedirect(reply) && !hasFollowed)
            {
                _view = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
                continue;
            }

            reply.OrThrow(connection.Endpoint, exists);
            return (owner, new SlotSide(connection, Asks: false));
        }
    }

    private async Task<KeyCopy?> ExistingAsync(ClusterNode node, SlotSide side)
    {
        if (saved.Expires is not null && Left() is null)
        {
            throw SavedValue.Unusable(
                saved.Path,
                "its value expired at " + saved.Expires.Value.ToString("u", CultureInfo.InvariantCulture) + ". Nothing was restored");
        }

        var existing = await KeyCopy.ReadAsync(side, saved.Key, stop).ConfigureAwait(false);
        return existing is null || replaces ? existing : throw Exists(node, existing);
    }

    private RedisOperationException Exists(ClusterNode node, KeyCopy? existing) => new(
        FailureCode.KeyExistsOnTarget,
        "Key " + Name + " exists on " + node.Name + (existing is null ? string.Empty : " (" + existing + ")") + ". It was not replaced.",
        saved.Path,
        SavedValue.WayBack(saved.Path) with { Note = "saves the present value to a file, and replaces it" });

    /// <summary>Saves the value that is replaced. Clients may still write to it until the next command.</summary>
    /// <returns>The command that puts it back.</returns>
    private async Task<string> KeepAsync(ClusterNode node, SlotSide side, KeyCopy existing)
    {
        var dump = existing.Dump ?? await KeyCopy.DumpAsync(side, saved.Key, stop).ConfigureAwait(false)
            ?? throw new RedisOperationException(
                FailureCode.KeyExistsOnTarget,
                "Key " + Name + " exists on " + node.Name + ", and the server has no dump of a " + existing.Type
                    + ", so that its value can't be saved. It was not replaced.",
                saved.Path,
                NextAction.Advise("delete the key if it is not needed, and restore the saved value again"));
        var engine = node.View?.Facts.Engine ?? ServerEngine.Unknown;
        var path = await SavedValue.WriteAsync(
            JournalFolder.At(JournalPath), _slot, saved.Database, engine, saved.Key, dump, existing.TimeToLive).ConfigureAwait(false);
        return SavedValue.WayBackText(path, Log);
    }

    // Garnet's RESTORE has no options.
    private List<RespCommand> CommandsFor(ClusterNode node)
    {
        var left = (long)(Left()?.TotalMilliseconds ?? 0);
        return node.View?.Facts.Engine != ServerEngine.Garnet
            ? [replaces
                ? RespCommand.Of("RESTORE", saved.Key, left, saved.Dump, "REPLACE")
                : RespCommand.Of("RESTORE", saved.Key, left, saved.Dump)]
            : replaces ? [RespCommand.Of("DEL", saved.Key), RespCommand.Of("RESTORE", saved.Key, left, saved.Dump)]
            : [RespCommand.Of("RESTORE", saved.Key, left, saved.Dump)];
    }

    private async Task<RespValue> SendAsync(SlotSide side, List<RespCommand> commands)
    {
        var sent = new List<RespCommand>();
        foreach (var command in commands)
        {
            if (side.Asks)
                sent.Add(RespCommand.Of("ASKING"));
            sent.Add(command);
        }

        var replies = await side.Connection.SendAsync(sent, null, stop.Abort).ConfigureAwait(false);
        if (side.Asks)
            replies[0].OrThrow(side.Connection.Endpoint, sent[0]);
        return replies[replies.Count - 1];
    }

    // Null also if the time is over, at least a millisecond otherwise: RESTORE takes 0 for no expiry.
    private TimeSpan? Left() => saved.Expires - DateTime.UtcNow is { } left && left >= TimeSpan.FromMilliseconds(1) ? left : null;
}

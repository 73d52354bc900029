using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Preflight;

/// <summary>An invocation that plans moves of whole slots and runs the preflight checks for each.</summary>
internal sealed class PreflightRun : IDisposable
{
    private readonly MovingSlot _slot;
    private readonly ClusterConnections _connections;
    private readonly ClusterReader _reader;
    private readonly PreflightReader _preflight;
    private readonly List<string> _sent = [];
    private ClusterView? _view;

    public PreflightRun(MovingSlot slot)
    {
        _slot = slot;
        _connections = new ClusterConnections(new HookedConnector(new NodeConnector(slot.Session.Options), (_, commands) =>
        {
            lock (_sent)
                _sent.AddRange(commands.Select(command => command.ToString()));
            return Task.CompletedTask;
        }));
        _reader = new ClusterReader(slot.Session, _connections);
        _preflight = new PreflightReader(_reader);
    }

    /// <summary>The commands that were sent since the cluster was read.</summary>
    public IReadOnlyList<string> Sent => _sent;

    /// <summary>The duration of the last check, without reading the cluster.</summary>
    public TimeSpan Took { get; private set; }

    public static async Task<PreflightResult> CheckAsync(MovingSlot slot, MoveOptions? options = null)
    {
        using var run = new PreflightRun(slot);
        return await run.CheckAsync(slot.Slot, options);
    }

    /// <summary>Plans to move the whole slot, and checks the plan.</summary>
    public async Task<PreflightResult> CheckAsync(int slot, MoveOptions? options = null)
    {
        var view = await ViewAsync();
        var (source, target) = (view.Node(_slot.Source.Id)!, view.Node(_slot.Target.Id)!);
        var situation = await new SituationReader(_reader).ReadAsync(view, slot, default);
        var keys = situation.KeysOn(source);
        var request = MigrateCommand.From(_slot.Session, options ?? new MoveOptions(), source, target);
        SlotAction[] actions =
        [
            new SetImporting(slot, target, source),
            new SetMigrating(slot, source, target),
            .. keys == 0 ? Array.Empty<SlotAction>() : [new MoveKeys(slot, source, target, request, keys)],
            new AssignToTarget(slot, source, target),
            new NotifyOwner(slot, source, target, IsSource: true),
            .. view.Masters
                .Where(node => node != source && node != target)
                .Select(node => new NotifyOwner(slot, node, target, IsSource: false)),
        ];
        _sent.Clear();
        var started = SystemClock.Instance.Now;
        var result = await _preflight.CheckAsync(situation, source, target, actions, default);
        Took = SystemClock.Instance.Now - started;
        return result;
    }

    public void Dispose() => _connections.Dispose();

    private async Task<ClusterView> ViewAsync() => _view ??= await _reader.ReadAsync(null, default);
}

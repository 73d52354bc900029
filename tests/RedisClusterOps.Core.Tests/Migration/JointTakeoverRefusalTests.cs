using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>A refusal that passes, as of a full node, ends one transaction. Any other refusal ends all of them.</summary>
public sealed class JointTakeoverRefusalTests : IDisposable
{
    private readonly ClusterView _view = ClusterScene.Wedged().View();
    private readonly ScriptedNodes _nodes = new();
    private readonly ClusterConnections _connections;
    private readonly ClusterReader _reader;
    private readonly StopRequest _stop;
    private readonly JointTakeover _takeover;
    private string? _error;
    private bool _isQueueing;
    private bool _isAborted;
    private int _queued;

    public JointTakeoverRefusalTests()
    {
        _connections = new ClusterConnections(_nodes);
        _reader = new ClusterReader(RedisClusterSession.Parse(Target.Name), _connections);
        _stop = new StopRequest(SystemClock.Instance, default);
        _takeover = new JointTakeover(_reader, Target, _stop);
        _nodes.Node(Target.Name, Answer);
    }

    private ClusterNode Target => _view.Node(ClusterScene.Id("T"))!;

    [Theory]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'.", true)]
    [InlineData("BUSY Redis is busy running a script.", true)]
    [InlineData("NOPERM this user has no permissions to run the 'cluster|bumpepoch' command", false)]
    [InlineData("ERR unknown command", false)]
    public async Task A_refused_transaction_is_replaced_by_single_commands_and_tried_again_only_if_the_refusal_passes(
        string error, bool isTriedAgain)
    {
        _error = error;
        Assert.All(await RunAsync(), reply => Assert.False(reply!.IsError, reply.Text));
        Assert.Equal(2, _nodes.Asked.Count(IsNode) - _queued);
        _error = null;

        var before = _nodes.Asked.Count;
        Assert.All(await RunAsync(), reply => Assert.False(reply!.IsError, reply.Text));

        Assert.Equal(isTriedAgain, _nodes.Asked.Skip(before).Any(asked => asked.Contains("BUMPEPOCH")));
    }

    public void Dispose()
    {
        _stop.Dispose();
        _connections.Dispose();
    }

    private Task<IReadOnlyList<RespValue?>> RunAsync() =>
        _takeover.RunAsync([new SlotMove(7, 0), new SlotMove(9, 0)], Target.View!, new SetSlotBatch(_reader, Target, Target.View!, _stop));

    private static bool IsNode(string asked) => asked.Contains(" NODE ");

    // Refuses CLUSTER BUMPEPOCH with the error.
    private RespValue Answer(RespCommand command)
    {
        var text = command.ToString();
        switch (text)
        {
            case "MULTI":
                (_isQueueing, _isAborted) = (true, false);
                return RespValue.Simple("OK");
            case "DISCARD" or "EXEC" when !_isQueueing:
                return RespValue.Error("ERR " + text + " without MULTI");
            case "EXEC":
                _isQueueing = false;
                return _isAborted ? RespValue.Error("EXECABORT Transaction discarded because of previous errors.")
                    : RespValue.Array([.. Enumerable.Repeat(RespValue.Simple("OK"), 4)]);
            case "CLUSTER BUMPEPOCH" when _error is not null:
                _isAborted = true;
                return RespValue.Error(_error);
            default:
                _queued += _isQueueing && IsNode(text) ? 1 : 0;
                return RespValue.Simple(_isQueueing ? "QUEUED" : "OK");
        }
    }
}

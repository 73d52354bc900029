using System.Collections.Generic;
using System.Diagnostics;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Which slot a key belongs to, and who owns that slot. Without a cluster it computes the slot alone.</summary>
[Cmdlet(VerbsCommon.Get, "RedisKeySlot")]
[OutputType(typeof(RedisKeySlot))]
public sealed class GetRedisKeySlotCommand : RedisClusterCmdlet
{
    // One look at the cluster serves this many keys of a pipeline, or those of half a second.
    private const int LocatedAtOnce = 1000;
    private readonly List<string> _waiting = [];
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private RedisClusterSession? _session;

    /// <summary>Names of keys, as UTF-8.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowEmptyString]
    public string[] Key { get; set; } = [];

    internal override void Run()
    {
        var session = FindSession();
        if (session is null)
        {
            foreach (var key in Key)
                WriteObject(RedisCluster.LocateKey(key));
            return;
        }

        if (!ReferenceEquals(session, _session))
            Finish();
        _session = session;
        _waiting.AddRange(Key);
        if (_waiting.Count >= LocatedAtOnce || _sinceLast.ElapsedMilliseconds >= 500)
            Finish();
    }

    internal override void Finish()
    {
        if (_session is null || _waiting.Count == 0)
            return;
        var keys = _waiting.ToArray();
        _waiting.Clear();
        WriteObject(Await(Open(_session).LocateKeysAsync(keys, Stop), "Looking up the owners"), enumerateCollection: true);
        _sinceLast.Restart();
    }
}

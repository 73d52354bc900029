using System.Collections.Generic;
using System.Diagnostics;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Gets the slot of a key and the owner of that slot. Without a cluster, only the slot.</summary>
[Cmdlet(VerbsCommon.Get, "RedisKeySlot")]
[OutputType(typeof(RedisKeySlot))]
public sealed class GetRedisKeySlotCommand : RedisClusterCmdlet
{
    // The cluster is read once for this many keys of a pipeline, or for the keys of half a second.
    private const int KeysPerRead = 1000;
    private readonly List<string> _waiting = [];
    private readonly Stopwatch _sinceLast = Stopwatch.StartNew();
    private RedisClusterSession? _session;

    /// <summary>Specifies key names, as UTF-8.</summary>
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
        if (_waiting.Count >= KeysPerRead || _sinceLast.ElapsedMilliseconds >= 500)
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

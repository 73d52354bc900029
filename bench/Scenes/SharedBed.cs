using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>The scene that is set up now. Rows that want the same one after another find it standing.</summary>
internal sealed class SharedBed : IAsyncDisposable
{
    private Bed? _bed;

    /// <summary>A run that was killed could not clean up; this one does it.</summary>
    public SharedBed()
    {
        foreach (var orphan in LabRecord.All().Where(lab => lab.Owner is not null && lab.IsLeftToUs()))
            orphan.End();
    }

    public async Task<Bed> WithAsync(Scene scene, CancellationToken cancellation)
    {
        if (_bed is not null && _bed.Scene != scene)
            await DisposeAsync();
        return _bed ??= await Bed.StartAsync(scene, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_bed is not null)
            await _bed.DisposeAsync();
        _bed = null;
    }
}

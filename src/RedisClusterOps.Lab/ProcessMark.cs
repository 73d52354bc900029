using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text.Json.Serialization;

namespace RedisClusterOps.Lab;

/// <summary>Tells one process from a later one that got the same number.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Started">When it started, in a form only this machine since its last boot can compare.</param>
internal sealed record ProcessMark(int Pid, string Started)
{
    public static ProcessMark Of(int pid) => new(pid, StartOf(pid) ?? string.Empty);

    public static ProcessMark Current => Of(Environment.ProcessId);

    /// <summary>True while this very process runs, stopped ones included.</summary>
    [JsonIgnore]
    public bool IsRunning => Started.Length > 0 && StartOf(Pid) == Started;

    /// <summary>Ends the process at once; false where it is gone already.</summary>
    public bool Kill()
    {
        if (!IsRunning)
            return false;
        try
        {
            using var process = Process.GetProcessById(Pid);
            process.Kill();
            process.WaitForExit(TimeSpan.FromSeconds(10));
            return true;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return false;
        }
    }

    private static string? StartOf(int pid)
    {
        try
        {
            return OperatingSystem.IsLinux() ? LinuxStartOf(pid) : PortableStartOf(pid);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException
            or InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }

    // Process.StartTime is derived from the wall clock and differs from one reader to the next; the kernel's own tick count does not.
    private static string? LinuxStartOf(int pid)
    {
        var number = pid.ToString(CultureInfo.InvariantCulture);
        var stat = File.ReadAllText("/proc/" + number + "/stat");
        // The program's name is in parentheses and may hold anything; after it comes field 3, the state; field 22 is the start.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        if (fields[0] is "Z" or "X")
            return null;
        return fields[22 - 3] + "@" + File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
    }

    private static string? PortableStartOf(int pid)
    {
        using var process = Process.GetProcessById(pid);
        return process.HasExited ? null : process.StartTime.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
    }
}

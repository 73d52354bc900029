using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text.Json.Serialization;

namespace RedisClusterOps.Lab;

/// <summary>Identifies a process, and distinguishes it from a later one with the same id.</summary>
/// <param name="Pid">The process id.</param>
/// <param name="Started">The start time, in a form that is comparable only on this machine and since its last boot.</param>
internal sealed record ProcessMark(int Pid, string Started)
{
    public static ProcessMark Of(int pid) => new(pid, StartOf(pid) ?? string.Empty);

    public static ProcessMark Current => Of(Environment.ProcessId);

    /// <summary>True while this process exists, even if it is frozen.</summary>
    [JsonIgnore]
    public bool IsRunning => Started.Length > 0 && StartOf(Pid) == Started;

    /// <summary>Ends the process at once. Returns false if it had ended before.</summary>
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

    // Process.StartTime derives from the wall clock and differs between readers; the kernel's tick count does not.
    private static string? LinuxStartOf(int pid)
    {
        var number = pid.ToString(CultureInfo.InvariantCulture);
        var stat = File.ReadAllText("/proc/" + number + "/stat");
        // The program's name stands in parentheses and may contain anything. Field 3, the state, follows it; field 22 is the start.
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
